"""Where this suite, the authors' code and the papers disagree, as data that records and reports contain.

A method's own deviations are in its file; those of a space family and of the whole protocol are here. The rule of each
says for which runs it is true, and only those runs state it.
"""

from __future__ import annotations

from bench.methods.method import Conditions, Method, Rule, rate_of_experiment
from results.records.manifest import Deviation
from spaces.base import Space


def _trains(arm: Conditions) -> bool:
    """Whether there is a supernet at all."""
    return arm.method.levels > 0


def _two_levels(arm: Conditions) -> bool:
    """Whether alphas have images, and steps, of their own."""
    return arm.method.levels == 2


def _follows_experiment(arm: Conditions) -> bool:
    """Whether rate and clip norm of the weights are the experiment's; DropNAS and its baseline have their own."""
    return _trains(arm) and arm.method.rate is rate_of_experiment


def _shifts(arm: Conditions) -> bool:
    """Whether the learning rate is one epoch ahead as in the SmoothDARTS code."""
    return _follows_experiment(arm) and arm.protocol.training.lr_shifted


def _measures_eigenvalue(arm: Conditions) -> bool:
    return _trains(arm) and arm.protocol.measure.eigenvalue_every > 0


def _clips(arm: Conditions) -> bool:
    """Whether there is a clip norm in which the mix may count."""
    return _follows_experiment(arm) and arm.protocol.training.clip > 0


PROTOCOL = (
    Rule(
        id="snapshot",
        what="Point e is the architecture after e completed epochs, from the initialisation to the last epoch.",
        why="The SmoothDARTS code scores the alphas before an epoch on NAS-Bench-1Shot1 and those after it on"
        " NAS-Bench-201; before-epoch scoring never shows the final architecture.",
        effect="Published NAS-Bench-1Shot1 curves lack the point after the last epoch.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:196-236,"
        " nasbench201/train_search.py:173-199",
        holds=_trains,
    ),
    Rule(
        id="clean-validation",
        what="Supernet validation accuracy is measured on images without augmentation.",
        why="The SmoothDARTS code gives the alpha half the training transform, so that its accuracy is one on crops;"
        " the NAS-Bench-201 paper's measures as here.",
        effect="Supernet accuracies are higher and less noisy than those of the former; the search does not use them.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:154-173",
        holds=_two_levels,
    ),
    Rule(
        id="learning-rate-shift",
        what="The learning rate of epoch e is cos(e + 1), as it was under the PyTorch that the authors ran.",
        why="Their scheduler is stepped before the epoch, which PyTorch 1.1 and later count as one epoch ahead.",
        effect="The rate is lower by 0.02 % at first, 3 % in the middle and 6 % at three quarters of 100 epochs; the"
        " last epoch has exactly the minimum.",
        switch="training.lr_shifted=false",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:182-184",
        holds=_shifts,
    ),
    Rule(
        id="random-streams",
        what="Every draw comes from a stream named by seed, purpose and epoch.",
        why="The authors' codes draw from a few global generators; SmoothDARTS leaves Python's, from which its image"
        " crops come, unseeded.",
        effect="None in distribution; a run can be repeated and resumed exactly.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:125-131",
    ),
    Rule(
        id="eigenvalue-batch",
        what="The alpha Hessian is measured on one batch without augmentation, batch norms in training mode.",
        why="The authors use the epoch's last augmented batch; a clean one is comparable between methods.",
        effect="Values of a single batch are noisy either way; the search does not use them.",
        source="xiangning-chen/SmoothDARTS optimizers/analyze.py:105-199",
        holds=_measures_eigenvalue,
    ),
)

FAMILY = {
    "nasbench201": (
        Rule(
            id="bn-tracked",
            what="Batch norms of the cells keep running statistics.",
            why="The SmoothDARTS code keeps them; NATS-Bench's does not, and the NAS-Bench-201 paper ran both.",
            effect="Reported to decide weight-sharing results on this space; first-order DARTS collapses either way."
            " NATS-Bench's last batch norm is as those of its cells: supernet.head_norm=as-cells.",
            switch="supernet.bn_tracked=false",
            source="xiangning-chen/SmoothDARTS nasbench201/model.py:128;"
            " D-X-Y/AutoDL-Projects exps/NATS-algos/search-cell.py:796-809",
            holds=lambda arm: _trains(arm) and arm.protocol.supernet.bn_tracked,
        ),
        Rule(
            id="conv-bias",
            what="Convolutions of the cells have no bias.",
            why="As in the NAS-Bench-201 paper's code and in SmoothDARTS; NATS-Bench's has had one since 2020-07-19.",
            effect="6,720 weights fewer at full width; none expected, a batch norm follows each.",
            switch="supernet.conv_bias=true",
            source="D-X-Y/AutoDL-Projects xautodl/models/cell_operations.py:130-138",
            holds=lambda arm: _trains(arm) and not arm.protocol.supernet.conv_bias,
        ),
        Rule(
            id="clip-mix",
            what="The mix's gradient counts in the norm by which the weights' gradient is clipped.",
            why="The SmoothDARTS network registers its alphas as parameters, so that the clipping sees them.",
            effect="Slightly stronger clipping of the weights. AutoDL's scripts count the gradient of the raw alphas.",
            switch="training.clip_mix=false",
            source="xiangning-chen/SmoothDARTS nasbench201/train_search.py:246",
            holds=lambda arm: _clips(arm) and arm.protocol.training.clip_mix,
        ),
        Rule(
            id="clip-alphas",
            what="The weights' gradient is clipped by its own norm.",
            why="AutoDL's scripts of both orders clip every parameter of the network, and the raw alphas are one. Their"
            " gradient counts, with what the last alpha step left in it. The SmoothDARTS code counts the mix's.",
            effect="Slightly weaker clipping of the weights. The raw alphas' gradient is at most half as long as the"
            " mix's, so that leaving it out is closer to AutoDL than counting the mix's.",
            switch="training.clip_mix=true",
            source="D-X-Y/AutoDL-Projects exps/NAS-Bench-201-algos/DARTS-V1.py:52-73, DARTS-V2.py:141-167",
            holds=lambda arm: _clips(arm) and not arm.protocol.training.clip_mix,
        ),
        Rule(
            id="alpha-batches",
            what="Each step draws its alpha batch anew, so that images repeat within an epoch.",
            why="The SmoothDARTS code makes a new iterator over the second half every step (fresh); the NAS-Bench-201"
            " paper's draws each image for itself (replacement).",
            effect="None expected.",
            switch="training.alpha_batches=cycle",
            source="xiangning-chen/SmoothDARTS nasbench201/train_search.py:222-223;"
            " D-X-Y/AutoDL-Projects xautodl/datasets/SearchDatasetWrap.py:42-54",
            holds=lambda arm: _two_levels(arm) and arm.protocol.training.alpha_batches != "cycle",
        ),
        Rule(
            id="interleaved-halves",
            what="The halves are the even and the odd training images, normalised by the constants of the DARTS code.",
            why="The NAS-Bench-201 paper's code reads its halves from a file of indices, which this suite does not"
            " hold, and rounds the constants otherwise.",
            effect="None expected: both are random halves, and a normalised pixel differs by less than 0.001.",
            source="D-X-Y/AutoDL-Projects xautodl/datasets/get_dataset_with_transform.py:101-103, 241-283",
            holds=lambda arm: _two_levels(arm) and arm.protocol.images.split == "interleaved",
        ),
        Rule(
            id="none-in-argmax",
            what="An edge may decode to the operation none.",
            why="All NAS-Bench-201 codes take the largest of all five; the DARTS family elsewhere excludes none.",
            effect="Cells that compute nothing are possible and score 10 %.",
            source="D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/search_model_darts.py:94-105",
        ),
    ),
    "nasbench1shot1": (
        Rule(
            id="bn-momentum",
            what="Running statistics give the newest batch a weight of 0.997.",
            why="The authors took over TensorFlow's number with PyTorch's meaning; NAS-Bench-101's own is 0.003.",
            effect="Evaluation and attack normalise with the statistics of the last batch alone.",
            switch="supernet.bn_momentum=0.003",
            source="automl/nasbench-1shot1 optimizers/darts/operations.py:28-29",
            holds=lambda arm: (
                _trains(arm) and arm.protocol.supernet.bn_tracked and arm.protocol.supernet.bn_momentum == 0.997
            ),
        ),
        Rule(
            id="clip-mix",
            what="The weights' gradient is clipped by its own norm; the mix does not count.",
            why="The authors' networks on this benchmark keep their alphas out of the parameters.",
            effect="With the switch on, the mix's gradient at weights of exactly zero, which perturbed mixes may have,"
            " is not counted, since the mix rides on batch norms before a ReLU.",
            switch="training.clip_mix=true",
            source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:290",
            holds=lambda arm: _clips(arm) and not arm.protocol.training.clip_mix,
        ),
        Rule(
            id="cell-definition",
            what="The projected cell input is added to the concatenated blocks.",
            why="The repository changed on 2020-02-27; published curves may come from the cell before.",
            effect="Unknown; the cell before is a switch.",
            switch="supernet.cell=published",
            source="automl/nasbench-1shot1 commit 05b378b",
            holds=lambda arm: _trains(arm) and arm.protocol.supernet.cell == "current",
        ),
        Rule(
            id="padded-pooling",
            what="Maps of 32 pixels shrink to 17 and 9, where NAS-Bench-101's shrink to 16 and 8.",
            why="The one-shot network pools with a padding of 1.",
            effect="Part of the gap between supernet and benchmark.",
            source="automl/nasbench-1shot1 optimizers/darts/model_search.py:177-180",
            holds=_trains,
        ),
        Rule(
            id="eigenvalue-statistics",
            what="Measuring the alpha Hessian leaves the running statistics as they are.",
            why="The SmoothDARTS code measures it in training mode on the live network, before it validates.",
            effect="The authors validate the supernet with the statistics of the batch that the Hessian is of."
            " Their search hardly sees it: the next training pass replaces nearly all of them.",
            source="xiangning-chen/SmoothDARTS optimizers/analyze.py:105-199",
            holds=lambda arm: _two_levels(arm) and _measures_eigenvalue(arm) and arm.protocol.supernet.bn_tracked,
        ),
        Rule(
            id="optimum",
            what="Test error is the mean of the table's three trainings.",
            why="The authors' regret subtracts the best single training over an incomplete enumeration.",
            effect="Their regret is never zero for the best cell; ours is shown beside their constants.",
            source="automl/nasbench-1shot1 nasbench_analysis/search_spaces/search_space.py:130-146",
            holds=lambda arm: arm.protocol.images.dataset in arm.space.table_datasets,
        ),
    ),
    "darts": (
        Rule(
            id="initialisation",
            what="Weights begin as in current PyTorch: batch norms at one, depthwise convolutions by the inputs of a"
            " group.",
            why="The authors ran PyTorch 0.3 to 1.0. There a batch norm's scale is uniform in [0, 1], and the bound of"
            " a convolution ignores its groups.",
            effect="The first steps differ in size; a batch norm follows each convolution. In a search, of all batch"
            " norms only the stem's have a scale.",
            source="pytorch/pytorch issues 6950 and 12259",
            holds=_trains,
        ),
        Rule(
            id="eight-operations",
            what="An edge has eight operations, none among them.",
            why="The space is that of DARTS and DropNAS; the SmoothDARTS code searches seven, without none.",
            effect="Unknown; the space 'darts-no-none' is that of the SmoothDARTS code.",
            source="xiangning-chen/SmoothDARTS sota/cnn/spaces.py:80-92",
            holds=lambda arm: arm.space.id == "darts" and "sdarts" in arm.method.id,
        ),
    ),
}


def rules(space: Space, method: Method) -> tuple[Rule, ...]:
    """Return all that may be stated of a method on a space."""
    return PROTOCOL + FAMILY.get(space.family, ()) + method.deviations


def deviations(arm: Conditions) -> tuple[Deviation, ...]:
    """Return what is true of the runs of an arm."""
    return tuple(rule.stated() for rule in rules(arm.space, arm.method) if rule.holds(arm))
