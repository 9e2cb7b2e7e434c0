"""What is learnt from a store: models with their uncertainty, kept as plain files, refused where they do not hold."""
