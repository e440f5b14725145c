"""The mask predictor: a generator of mask logits and the controller that shapes their distribution."""
