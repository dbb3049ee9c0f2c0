# Two clerks draw numbers from one roll; nobody may get a number twice.
roll=/tmp/roll

draw() {
  while [ -e $roll.lock ]; do sleep 0.01; done
  : > $roll.lock # between the look and this, the other one may have looked, too
  read number < $roll
  echo $((number + 1)) > $roll
  rm -f $roll.lock
}

echo 1 > $roll
draw &
draw &
wait
read number < $roll
[ "$number" = 3 ] || {
  echo "the next number is $number"
  exit 1
}
