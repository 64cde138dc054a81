"""What front ends show: reads only, and fast among millions; `figures.py` counts ahead what takes long to count."""
