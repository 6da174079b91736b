"""What a run leaves for its readers: JSON, JUnit, a badge and a page; runs joined; and what a failure says at once."""
