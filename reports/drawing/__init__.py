"""The modules here hold what all figures share: style, sheets, axes and colours."""
