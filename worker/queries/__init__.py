"""What front ends show: reads only, and fast among millions."""
