def add(a, b):
    return a - b  # add


def multiply(a, b):
    return a + b  # multiply


def divide(a, b):
    return a / b
