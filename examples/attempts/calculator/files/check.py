# Prints how many of the cases hold.
CASES = ["add(2, 3) == 5", "multiply(2, 3) == 6", "divide(7, 2) == 3"]


def holds(case):
    try:
        import calculator

        return eval(case, vars(calculator))
    except Exception:
        return False


print(sum(map(holds, CASES)))
