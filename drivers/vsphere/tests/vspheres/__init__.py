"""What the tests of vSphere share."""
