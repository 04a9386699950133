"""The desktop application. It imports core; nothing imports it."""
