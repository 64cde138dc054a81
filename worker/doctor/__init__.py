"""What a diagnosis looks at, a module for each subject: each yields findings (`worker.watch.health`) alone."""
