"""The process that keeps the others: it holds the socket, starts workers, watches and replaces them.

Written with the standard library alone, and run by itself under the name `parent`: whatever belongs to
`runtime` brings Litestar along, and a process that only watches should be small and have nothing that fails.
"""
