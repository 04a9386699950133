"""What starts workflows by itself: schedules, calls from outside, notices of the database."""
