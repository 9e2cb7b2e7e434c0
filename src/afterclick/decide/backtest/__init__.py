"""Rules run over history: whom they would have reached, how often and when, before anybody switches them on."""
