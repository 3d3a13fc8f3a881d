"""Dated data of the gateway: which models serve which purpose."""
