"""Joint training of a classifier and its mask predictor, as suggested by Fu et al. (2022, section 5)."""
