"""What the doubles of hypervisors' programs share: a state between calls, faults on demand, guests that really run.

Of the standard library alone, and imported late: a double is started anew for every call.
"""
