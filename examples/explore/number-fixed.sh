# As number.sh, with a lock that looks and takes in one step.
roll=/tmp/roll

draw() {
  until mkdir $roll.lock 2> /dev/null; do sleep 0.01; done
  read number < $roll
  echo $((number + 1)) > $roll
  rmdir $roll.lock
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
