"""SaleEscrow: every sale ends, nobody's but those meant to end it do, and no money is ever stuck."""
