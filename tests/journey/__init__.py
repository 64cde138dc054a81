"""A package, so that the packages in it have names of their own, whichever of them is loaded first."""
