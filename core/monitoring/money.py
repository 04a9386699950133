"""US dollars for people."""

from __future__ import annotations


def dollars(amount: float) -> str:
    """US dollars: to the cent from one dollar on and where that is exact, else as exactly as small amounts need."""
    if amount >= 1 or round(amount, 2) == amount:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.001 else f"${amount:.6f}"
