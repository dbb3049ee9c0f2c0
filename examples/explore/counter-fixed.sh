# The same: the content is on the disk before it has its name, and the name before anybody is told.
for number in 1 2 3; do
  echo $number > /var/tmp/counter.new
  sync /var/tmp/counter.new
  mv /var/tmp/counter.new /var/tmp/counter
  sync /var/tmp
  echo "saved $number"
done
