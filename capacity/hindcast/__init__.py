"""Forecasts of the past: experts, baselines, scores, and what the projection learns from them."""
