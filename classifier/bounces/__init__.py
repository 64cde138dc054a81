"""Delivery reports: is it one, about whom, and why was the mail refused?"""
