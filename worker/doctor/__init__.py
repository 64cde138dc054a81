"""What a diagnosis looks at, a module for each subject: each yields findings of `worker.health` and changes nothing."""
