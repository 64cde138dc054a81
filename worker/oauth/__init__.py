"""Access tokens of providers (OAuth 2.0): how a person consents, and how tokens are renewed."""
