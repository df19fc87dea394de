"""The read side: what pages and exports show, as typed values. Writes nothing.

Every question takes a :class:`cloud.reports.scope.Scope`; nobody is shown who is outside it.
"""
