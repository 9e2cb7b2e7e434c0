"""Which touches an order is owed to: rule by rule, by removal, and by the value each channel adds."""
