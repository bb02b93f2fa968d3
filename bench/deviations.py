"""Where this suite, the authors' code and the papers do not agree, as data that records and reports carry.

A method's own deviations stand in its file; those of a space family and of the protocol as a whole stand here.
"""

from __future__ import annotations

from typing import Any

from results.record import Deviation
from spaces.base import Space

from .config import Protocol
from .method import Method

PROTOCOL = (
    Deviation(
        id="snapshot",
        what="Point e is the architecture after e completed epochs, from the initialisation to the last epoch.",
        why="The SmoothDARTS code scores the alphas before an epoch on NAS-Bench-1Shot1 and those after it on"
        " NAS-Bench-201; before-epoch scoring never shows the final architecture.",
        effect="Published NAS-Bench-1Shot1 curves stand one epoch to the right of ours.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:196-236,"
        " nasbench201/train_search.py:173-199",
    ),
    Deviation(
        id="clean-validation",
        what="Supernet validation accuracy is measured on images without augmentation.",
        why="The authors' loader gives the alpha half the training transform, so that theirs is accuracy on crops.",
        effect="Reported supernet accuracies are higher and less noisy; the search does not use them.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:154-173",
    ),
    Deviation(
        id="learning-rate-shift",
        what="The learning rate of epoch e is cos(e + 1), as it was under the PyTorch that the authors ran.",
        why="Their scheduler is stepped before the epoch, which PyTorch 1.1 and later count as one epoch ahead.",
        effect="The rate is lower by 0.02 % at first, 3 % in the middle and 6 % at three quarters of 100 epochs; the"
        " last epoch has exactly the minimum.",
        switch="training.lr_shifted=false",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:182-184",
    ),
    Deviation(
        id="random-streams",
        what="Every draw comes from a stream named by seed, purpose and epoch.",
        why="The authors seed PyTorch and NumPy but not Python's generator, from which their image crops came.",
        effect="None in distribution; a run can be repeated and resumed exactly.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:125-131",
    ),
    Deviation(
        id="eigenvalue-batch",
        what="The alpha Hessian is measured on one batch without augmentation, batch norms in training mode.",
        why="The authors use the epoch's last augmented batch; a clean one is comparable between methods.",
        effect="Values of a single batch are noisy either way.",
        switch="measure.eigenvalue_every=0",
        source="xiangning-chen/SmoothDARTS optimizers/analyze.py:105-199",
    ),
)

FAMILY = {
    "nasbench201": (
        Deviation(
            id="bn-tracked",
            what="Batch norms of the cells keep running statistics.",
            why="The SmoothDARTS code keeps them; NATS-Bench's does not, and the NAS-Bench-201 paper ran both.",
            effect="Reported to decide weight-sharing results on this space; first-order DARTS collapses either way."
            " NATS-Bench's last batch norm is as those of its cells: supernet.head_norm=as-cells.",
            switch="supernet.bn_tracked=false",
            source="xiangning-chen/SmoothDARTS nasbench201/model.py:128;"
            " D-X-Y/AutoDL-Projects exps/NATS-algos/search-cell.py:796-809",
        ),
        Deviation(
            id="conv-bias",
            what="Convolutions of the cells have no bias.",
            why="As in the NAS-Bench-201 paper's code and in SmoothDARTS; NATS-Bench's has had one since 2020-07-19.",
            effect="6,720 weights fewer; none expected, a batch norm follows each.",
            switch="supernet.conv_bias=true",
            source="D-X-Y/AutoDL-Projects xautodl/models/cell_operations.py:130-138",
        ),
        Deviation(
            id="clip-mix",
            what="The mix's gradient counts in the norm by which the weights' gradient is clipped.",
            why="The SmoothDARTS network registers its alphas as parameters, so that the clipping sees them.",
            effect="Slightly stronger clipping of the weights. AutoDL's first-order script counts the raw alphas'"
            " gradient instead, and what the last alpha step left in it; that form is not offered.",
            switch="training.clip_mix=false",
            source="xiangning-chen/SmoothDARTS nasbench201/train_search.py:253",
        ),
        Deviation(
            id="alpha-batches",
            what="Each step draws its alpha batch anew, so that images repeat within an epoch.",
            why="The SmoothDARTS code makes a new iterator over the second half every step (fresh); the NAS-Bench-201"
            " paper's draws each image for itself (replacement).",
            effect="None expected.",
            switch="training.alpha_batches=cycle",
            source="xiangning-chen/SmoothDARTS nasbench201/train_search.py:222-223;"
            " D-X-Y/AutoDL-Projects xautodl/datasets/SearchDatasetWrap.py:42-54",
        ),
        Deviation(
            id="none-in-argmax",
            what="An edge may decode to the operation none.",
            why="All NAS-Bench-201 codes take the largest of all five; the DARTS family elsewhere excludes none.",
            effect="Cells that compute nothing are possible and score 10 %.",
            source="D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/search_model_darts.py:94-105",
        ),
    ),
    "nasbench1shot1": (
        Deviation(
            id="bn-momentum",
            what="Running statistics give the newest batch a weight of 0.997.",
            why="The authors took over TensorFlow's number with PyTorch's meaning; NAS-Bench-101's own is 0.003.",
            effect="Evaluation and attack normalise with the statistics of the last batch alone.",
            switch="supernet.bn_momentum=0.003",
            source="automl/nasbench-1shot1 optimizers/darts/operations.py:28-29",
        ),
        Deviation(
            id="clip-mix",
            what="The weights' gradient is clipped by its own norm; the mix does not count.",
            why="The authors' networks on this benchmark keep their alphas out of the parameters.",
            effect="With the switch on, the mix's gradient at weights of exactly zero, which perturbed mixes may have,"
            " is not counted, since the mix rides on batch norms before a ReLU.",
            switch="training.clip_mix=true",
            source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:291",
        ),
        Deviation(
            id="cell-definition",
            what="The projected cell input is added to the concatenated blocks.",
            why="The repository changed on 2020-02-27; published curves may come from the cell before.",
            effect="Unknown; the cell before is a switch.",
            switch="supernet.cell=published",
            source="automl/nasbench-1shot1 commit 05b378b",
        ),
        Deviation(
            id="padded-pooling",
            what="Maps are 32, 17 and 9 pixels wide, where NAS-Bench-101's are 32, 16 and 8.",
            why="The one-shot network pools with a padding of 1.",
            effect="Part of the gap between supernet and benchmark.",
            source="automl/nasbench-1shot1 optimizers/darts/model_search.py:177-180",
        ),
        Deviation(
            id="optimum",
            what="Test error is the mean of the table's three trainings.",
            why="The authors' regret subtracts the best single training over an incomplete enumeration.",
            effect="Their regret is never zero for the best cell; ours is shown beside their constants.",
            source="automl/nasbench-1shot1 nasbench_analysis/search_spaces/search_space.py:130-146",
        ),
    ),
}


def deviations(space: Space, method: Method, protocol: Protocol | None = None) -> tuple[Deviation, ...]:
    """Return what holds for a method on a space; of those with a switch, what the protocol has not switched over."""
    found = PROTOCOL + FAMILY.get(space.family, ()) + method.deviations
    if protocol is None:
        return found
    rate = method.rate(protocol.params, protocol.training)
    values = protocol.as_dict()
    values["training"]["lr_shifted"] = rate.shifted  # one-level methods have a rate of their own
    return tuple(each for each in found if not _switched(each, values))


def _switched(deviation: Deviation, values: dict[str, Any]) -> bool:
    """Whether the protocol has the value that the deviation's switch gives."""
    key, _, value = deviation.switch.partition(",")[0].partition("=")
    table, _, name = key.partition(".")
    return name in values.get(table, {}) and str(values[table][name]).lower() == value
