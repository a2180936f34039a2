"""The communes and special zones that the device decides with: taken in from files, kept, and looked up on board."""
