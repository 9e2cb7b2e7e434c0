"""Journeys: flows of steps for one visitor that go on by themselves over days, and outlive every crash."""
