"""The outside world: one door a service, in our contracts; foreign exceptions stop there."""
