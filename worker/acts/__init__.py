"""What a person may do, once for every front end: each act is checked, stamped, written and can be taken back."""
