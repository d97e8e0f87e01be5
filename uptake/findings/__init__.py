"""What is wrong and what it breaks. In: tables, definitions; out: findings, fitness, fix plan."""
