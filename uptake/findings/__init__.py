"""What is wrong and what it breaks. In: tables and definitions; out: findings, fitness, fix plan."""
