# make's own tests of the installed one; names on standard input.
mkdir -p /tmp/make/src && cp -r /suite/source/tests /tmp/make && cp /suite/source/src/gnumake.h /tmp/make/src && cd /tmp/make/tests || exit 1
sed 's/@CC@/gcc/; s/@CPP@/gcc -E/; s/@AR@/ar/; s/@USE_SYSTEM_GLOB@/no/; s/@[A-Z_]*@//' config-flags.pm.in > config-flags.pm
while read -r name; do
  timeout -k 5 "$LIMIT" perl run_make_tests.pl -make /usr/bin/make -srcdir /tmp/make "$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
