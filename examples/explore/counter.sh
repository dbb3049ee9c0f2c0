# Counts to three, and says of each number that it is saved. The file is never half written, but nobody has synced it.
for number in 1 2 3; do
  echo $number > /var/tmp/counter.new
  mv /var/tmp/counter.new /var/tmp/counter
  echo "saved $number"
done
