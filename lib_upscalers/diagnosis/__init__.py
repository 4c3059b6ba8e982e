"""Collect what a bug report needs: versions, machine, device, networks, recent problems."""
