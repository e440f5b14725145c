"""The metrics of both papers: each a pure function of arrays, or of a callable classifier.

A *heatmap* is H x W scores of any range, larger for a more important pixel. A *mask* lies in [0, 1] and 1 keeps a
pixel (Eq. 1); a deletion mask of the second paper, whose zeros are salient, is read as the heatmap ``1 - mask``.
"""
