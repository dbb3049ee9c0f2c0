# Debian: libreoffice-writer libreoffice-calc poppler-utils fonts-dejavu-core
# Image: large
# A text becomes a PDF, a table's formulas are computed.
set -euo pipefail
cd /tmp
export HOME=/tmp
printf '<h1>Heading</h1><p>A word in <b>bold</b>.</p><table border=1><tr><td>cell</td></tr></table>' > text.html
soffice --headless --convert-to pdf:writer_web_pdf_Export text.html
pdftotext -layout text.pdf - | tr -s ' \n' ' ' | grep 'Heading A word in bold. cell'
printf '3,4,=A1*B1\n5,6,=SUM(A1:B2)\n' > table.csv
soffice --headless --infilter='CSV:44,34,76,1,,0,false,true,false,false,false,-1,true' --convert-to ods table.csv
soffice --headless --convert-to csv:'Text - txt - csv (StarCalc)':44,34,76,1 --outdir out table.ods
cat out/table.csv
test "$(tr -d '\r' < out/table.csv | tr '\n' ' ')" = '3,4,12 5,6,18 '
