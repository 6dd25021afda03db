"""PayoutBook: it never promises more than it holds, and pays each payee what a root gives it, once."""
