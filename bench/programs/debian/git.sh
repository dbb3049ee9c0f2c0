# Git: a repository of 200 files, two commits, a log with statistics.
set -e
folder=$(mktemp -d)
cd "$folder"
export HOME="$folder" GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git init -q -b main .
for ((i = 0; i < 200; i++)); do printf 'file %d\n%s\n' "$i" "line $((i * i))" > "f$i"; done
git add .
git commit -q -m first
for ((i = 0; i < 200; i += 5)); do echo more >> "f$i"; done
git commit -q -a -m second
git log --stat | wc -l
cd /
rm -rf "$folder"
