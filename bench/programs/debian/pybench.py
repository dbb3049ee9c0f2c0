"""A set of small Python benchmarks: arithmetic, strings and dictionaries, objects, sorting, decimal, regular expressions, JSON."""
import decimal
import json
import re


def nbody(steps):
    bodies = [[0.0, 0.0, 0.0, 0.0, 39.47], [4.84, -1.16, 0.6, 2.81, 0.037], [8.34, 4.12, -1.01, 1.82, 0.011], [12.89, -15.11, 1.08, 0.86, 0.0017]]
    for _ in range(steps):
        for i, a in enumerate(bodies):
            for b in bodies[i + 1:]:
                dx, dy = a[0] - b[0], a[1] - b[1]
                pull = 0.01 / ((dx * dx + dy * dy) ** 1.5)
                a[2] -= dx * b[4] * pull
                a[3] -= dy * b[4] * pull
                b[2] += dx * a[4] * pull
                b[3] += dy * a[4] * pull
        for a in bodies:
            a[0] += 0.01 * a[2]
            a[1] += 0.01 * a[3]
    return round(sum(a[0] + a[1] for a in bodies), 9)


def words(count):
    seen = {}
    for i in range(count):
        key = "w%d" % (i * 7919 % 5003)
        seen[key] = seen.get(key, 0) + len(key)
    return sum(seen.values()), " ".join(sorted(seen)[:5])


class Shape:
    __slots__ = ("width", "height")

    def __init__(self, width, height):
        self.width, self.height = width, height

    def area(self):
        return self.width * self.height


def objects(count):
    shapes = [Shape(i % 17, i % 23) for i in range(count)]
    shapes.sort(key=lambda shape: (shape.area(), shape.width))
    return sum(shape.area() for shape in shapes), shapes[count // 2].area()


def digits(count):
    decimal.getcontext().prec = count
    return str(decimal.Decimal(2).sqrt())[-12:]


def text(count):
    source = "".join("item%d = %d; " % (i, i * i) for i in range(count))
    found = re.findall(r"(\w+) = (\d*7)\b", source)
    return len(found), len(json.dumps(json.loads(json.dumps(found))))


def sieve(limit):
    flags = bytearray([1]) * limit
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, limit, i)))
    return sum(flags) - 2


print(nbody(4000), words(60000), objects(20000), digits(3000), text(4000), sieve(300000))
