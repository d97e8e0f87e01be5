"""Prior authorization, the provider's side: what an order needs, what payers said, and when.

Not a payer: what a payer has to decide is never decided here.
"""
