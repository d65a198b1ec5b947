"""The screen Factors: what every latent factor means, and how codes are used."""
