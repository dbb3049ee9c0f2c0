# gnulib's tests, as coreutils has them, with locales that its configure would find here. 77: it cannot test. Names on
# standard input.
mkdir -p /tmp/work && cp -r /suite/programs /suite/source/gnulib-tests /tmp/work && cd /tmp/work/programs || exit 1
export LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 LOCALE_EN_UTF8=en_US.UTF-8 LOCALE_JA=ja_JP.EUC-JP LOCALE_ZH_CN=zh_CN.GB18030 \
  LOCALE_TR_UTF8=tr_TR.UTF-8 LC_NUMERIC_IMPLEMENTED=true USE_ACL=0 EXEEXT= srcdir=/tmp/work/gnulib-tests abs_srcdir=/tmp/work/gnulib-tests \
  abs_aux_dir=/tmp MAKE=make TMPDIR=/tmp PATH=/tmp/work/programs:$PATH
while read -r name; do
  case $name in
    *.sh) timeout -k 5 "$LIMIT" sh "$srcdir/$name" > /tmp/out 2>&1 < /dev/null ;;
    *) timeout -k 5 "$LIMIT" "./$name" > /tmp/out 2>&1 < /dev/null ;;
  esac
  echo "=== $name $?"
done
