"""Metrics of explanations: pure functions of arrays, or of a classifier given as a function.

A *heatmap* is H x W scores of any range; a larger score means a more important pixel. A *mask* lies in [0, 1], and 1
keeps a pixel (Fu et al. 2022, Eq. 1). A deletion mask has low values where pixels are salient (Fong and Vedaldi 2017):
it is the mask ``1 - heatmap``.

Where each metric is computed:

- Faithfulness, M_F: `whyframe.perturb.faithfulness`; scaled over methods in `faithfulness_min_max`.
- Insertion and deletion: `insertion_deletion`.
- Explainability in boxes, M_I: `pr_auc`. Pointing game, M_PG: `pointing_game`. Localisation error: `localisation`.
- Skewness and shares of the scores: `score_distribution`.
- Smallest deletion: `minimal_deletion`. Simplified masks: `representativeness`. Boxed interrogation: `interrogation`.
- Intensity at eyes and feet: `part_intensity`.
- Adversarial images: `adversarial` and `adversarial_discrimination`. Rotation invariance: `invariance`.

The other modules are shared: `classify`, `heatmaps`, `box_geometry` and `perturbations`.
"""
