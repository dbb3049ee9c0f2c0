# git's own tests, of the installed git and as an ordinary user, as they ask. Names on standard input.
mkdir -p /tmp/git/templates /tmp/git/perl/build/lib && cd /suite/source && cp -r t GIT-BUILD-OPTIONS contrib mergetools /tmp/git && cd /tmp/git/t || exit 1
ln -s /usr/share/git-core/templates ../templates/blt
# The installed one has it.
sed -i "s/^USE_LIBPCRE2=.*/USE_LIBPCRE2=YesPlease/" ../GIT-BUILD-OPTIONS
mkdir /tmp/work && chown -R nobody /tmp/git /tmp/work
export GIT_TEST_INSTALLED=/usr/bin
while read -r name; do
  timeout -k 5 "$LIMIT" setpriv --reuid=nobody --regid=nogroup --clear-groups sh "./$name" --root=/tmp/work > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
  rm -rf /tmp/work/*
done
