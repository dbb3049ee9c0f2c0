/**
 * The keys of Debian's archive that sign trixie, so that the first image can be trusted on a host that is no Debian.
 * They are those of the package debian-archive-keyring 2025.1, published at https://ftp-master.debian.org/keys.html;
 * each is given with the fingerprint that stands there.
 */

/** OpenPGP certificates in base64, by fingerprint. */
export const TRIXIE_KEYS: Readonly<Record<string, string>> = {
  // Debian Archive Automatic Signing Key (13/trixie)
  "04B54C3CDCA79751B16BC6B5225629DF75B188BD": [
    "mQINBGfpPhUBEACnIlNQO4hEcoTe6/fkasYBgsIYoZvKfOemGKVAO+v+wQJ8X8DM4ffT3QrmO291LPwsmR+sGfMStf9Zbuv/" +
      "reWsY8NCOTDt98RFQWG5OZw0g1TOdheMnO43wfTJQNUyOAqKVArXrjvPKb472KEM",
    "QckvvccUoVupmcfom2Eofgqk6Z+aRfofVvhT6BQlmE1hb5uGRibEqm0RbDtUeSgs39pSGF9gbfCw6ZjqxGJHcSJXKJCJu2UswddueSJWj6Uf" +
      "HfywPbIuXYx2Ypfb6RDx/kbkJCK+vNEl8FmD+6dl8hY4P+RfI/0i",
    "KWPaWwg5J9ohWk5kjL65BOOQ4uRdq6TNeibOsS5DKlp0nozseaAUhDWsepY7k81/M9iLALV3cNExQasLkdGprSUjY1fKlpNnFZ/" +
      "jfQT6eqR50dptA858d9+0iost2F40fGd5HWuA6GJWfIhMCEwcf9aiRYzmD67W",
    "ie6agxF1z/PK3VGGBdmbZzZTMGRBrt6ayTEPLpbFUJvkLtf9vLcvkGS58OTFcnrqFCtEzQYCfYQvmdJaRHmOR6r7k2epBC6eQ81h27TwhhfG" +
      "vCuX7Hl/qYIHH37MMXZBonA7zICBI8b8EZOGdib2IjoLgm9Ez8Vq",
    "5rpTS28dMRDz5/" +
      "MDHqSAy3PB33X3S+sTDc4K567FS79aMpng57Qg4plqEwARAQABiQJOBB8BCgA4FiEEBLVMPNynl1Gxa8a1IlYp33WxiL0FAmfpPhoXDIABgO" +
      "l28UpQikjpyj/pvDciUsoc+WQCBwAACgkQIlYp",
    "33WxiL3tYA//ZZc3kZnfHCXoUIYPPFcKC4oA/HFKn3HnRiN+KLbcP1naJ3X+0TFLw70r8yDo4+2zGlu+vCbEhSVdO2GfxdncMpiOWcPwSiKk/" +
      "x1yCipnPAMJN1OAo2oEjDvhTF76mgOIJKtDnSu12CLKkSf2az53",
    "r06T1GHaJV1Nm0rWTWhgVbk8Ir561gAn6nz89qdCUF7PALFq2L/" +
      "55yt1E1YL7wtZcbto3SBH5di9OUJGCTrEIPnxf0DZSny5LJXs6lKEIMnvkQrcitD/Lw/1BT3wLzeZmH5Cpr9EM9WyxJxbZFJeAWfgwv8JcSqp",
    "wlphV2wnfOFBKt88vbJDPAaTSUo2z2mAf/Ps9V/VsgU4hN9cGcBCTl+SaZHQyf9Hm54DSmr9L/KMAk9/" +
      "7tzrYdde2F9L8yb7DQ0aw6CBn4IjpG4fDEIJQQisBFluTB7Od0lA1CAuoMYjmonUvES3RucM8Yeote9b",
    "jf6KTbfcmkuIyrfLdUsz7sALuvdNsiCLq30zOBhKq9svkm5oNSSaTJ2J4ILOEthCZMT9sJ039tFZxvaBEQS8W8gW6y8eQWSVlixj65PJ2ck9" +
      "jABEmRwG2YW9UKSFRtReWF0WpY3Ijj6fcDJIHpThZ6Sz4HUvGr7j",
    "vcs8qFFZxEb111xbwbQsGVBecP3s8TcnzVO2S+E/" +
      "JbrS7xTyUY9xmGSJAk4EHwEKADgWIQQEtUw83KeXUbFrxrUiVinfdbGIvQUCZ+k+GhcMgAH7+r21QbXclVvZum7bFs9bsSUlxAIHAAAKCRAi" +
      "VinfdbGIvYTF",
    "D/9zy9LyYJ4+zQ6ycKffsGXGLKNkAp8L7KS9eZAS+CcvRAZQQHwEFGaFeuRUNSA5Z4tATh4IY9w8ySwGHeDE+Jat68YZ+mV7loig0RROew2W" +
      "Ykr5xSzj+0MIzmS5++ngZf6S++5VwJAEmuG3aAlwiL2BJuk/wn4f",
    "qoeGXLM6gOaCnCJO8TC5lmJPhJPwj6E4gcE7MS7BfYRKd5emOlI7m2FytuQ7eo48IzSlkODZJfuv8rnKA/" +
      "TTNQa2U9Nrl70UChR+5QYeAOuxJ1kw00RYOmCMAR346f7/esfYeMyM5ItG74xmYGLjj4PStAbHZsOx",
    "o8H82KG0pjadVBpmZAQgI9lN2QWO7kbRz55TV5nZFZaP8fJgYl3BerVuvHamowrSpSz5mVyBpb9JJmOJ2pUwSi2wQWvp5yT+LMh2Q2Uhm/" +
      "3Fk+q5lRIxDNfPukzgem6WKxfEfMDjDjDKwjeL61JlLJrnllmylcrt",
    "/cEvsyzdbkpDjTVfsKtUIk8K2+aY6cqbdLnezBgVONuGGdunRvVXSKiUTngnBSKcyGsSlJtH3TxicEBsTnFAplGA5D7GPVPF7XEEYpBifKkJ" +
      "z4UDH6cy1qCJBtOUd9Dsxi2hQxfzOHj41m4lB61yin5rTnJjujQw",
    "Wfh8bGz6Yatv/K7Aejdj/" +
      "DbHEDf+8ixcYfNxAQ1WpynrqIkCTgQfAQoAOBYhBAS1TDzcp5dRsWvGtSJWKd91sYi9BQJn6T4aFwyAAYyCPe0QqoBBY54SEFrOjW4MFKRwA" +
      "gcAAAoJECJWKd91sYi9Em4P/Ag6yEfy",
    "xoXvMl98IVUA/" +
      "GG8fv0llOIJsKqSMEjBpCFfPOsXWDvXv0zJNI+XPgzAPMCd7R+m2VwcDwHyADtT+Mh6fubZTzbPPspX7LZsCyD6S93LZxH+vIMcjuiwKKb05" +
      "ZSkaPLfwTYMeqN+oc11fDXjU0mQ5vC0M6qhxJLM",
    "2pIeTD7sVxsXYyEHzPxem01eqXyKhJFO7Cgu9sUYhzcVoPEqzDV2/" +
      "Gd6ih3chJ+MxnMfq6Kmc1kTpstCMBbmQVXafY9roM+bFQlIiUgfbGdDFk98C4+C8IA0IVDyl5KIo8RRZ4mccgbt+ZBVBkr2jMoKd+hFhlbF",
    "0aMG3EKPoZyb/Jr/6Q0kqqUke6stNzOazxftoulB3vk6x8eI1jRELHz5VM01nkr1A+cmcgV0J5H1g6M/" +
      "4NOLveCfPmGyCxGoSyWFgiagG4O56AdlhyOm8VjqGN4VJBbaGltT9iIQB5xD0vvhZvYbXbXtxbD/j7TU",
    "yYp47484dBdTRLqyUQAS9ICl6xoB3aYem2aQckSc1xAL7pIIHA4CykAECa/wZuYkAOLDICM74iMNIZfdH1CLg1/geBiON7/" +
      "kqmFxyOJTNfkS1oivQvrF8AWUZYLCQ5ITmI8fcbXzJXnSHyn2ADj38GaQkPm5YJkK",
    "MAwmlolnzt86EnuZrIVVApx0NqjtDvBTNMcLiQJOBB8BCgA4FiEEBLVMPNynl1Gxa8a1IlYp33WxiL0FAmfpPhoXDIABMJkRvqlm0GEwUwRX" +
      "EbTl/xWw/YICBwAACgkQIlYp33WxiL1Obw/+Je3ILeG7tACNix/y",
    "cJ86Y4ZTrCp1WtrAHdZtKqH0WO9+BuVjKFJU2d3R+176SoKs1X5+0ZxptnzlVIZGBcKn7IVk2g6k8GV+lPoR/" +
      "WyhPxLqH73ji+g3Zod4PKnSXgj5JjoIDe8abXCemAd5j/1aqANdxG06h71+UC9NSxMzvzeDQQvA",
    "kToNmy51A2gqzBKDGO5n5Eafw8noVHzFnZrMcXIe7nkG/" +
      "sF5601p7q8jOVeGk+Z8fD6v6xl+MJupX8CuQ5fGKFW3nmWojZNH5yM58UnwzJGOBg70CoSuAP7kOGOtWa39RS5W9O1zMUe1tKpVP1qGrcmEO" +
      "aqmkc6g",
    "uE34i0ZEBjiet1GwLWjjgmXGLgTY/meFmUIbCVeKi0hmr7SJluHk53NVvf3QV9Ddgs32Vz5xQY7894FCH7Di8sFNYofyxw15SZjee/" +
      "Usyc3arQOTF99VxOuLoU9lW6JZrFISyjZ4Hbz2UpxgpYvQUK9Yj19irdYW",
    "Y3HGO3LnguOFS/" +
      "Q1Mr966Ca46fSLCW++5XH9s51xzk6zAyW1a5u7xqYnC8bu3XYBc713VMYPexUeowl3ii3Tp6hb2g1NLxd+7IAYaTb68FmwwTRjUwAwh8NTiQ" +
      "v0ezTFe121hs3K35AH1vp2CDkIpAmDACWWudjX",
    "l8UhKsPMAdzJIf/" +
      "IJ8X1fXTgpK6JAk4EHwEKADgWIQQEtUw83KeXUbFrxrUiVinfdbGIvQUCZ+k+GhcMgAHHT2rJ6TOzBn9S8z+kWexnFbBwXwIHAAAKCRAiVin" +
      "fdbGIvfzwD/0cjeyFVVS1j9On9v6LKDEWASvl",
    "FoGelpHah4vVuYVh5XrnlwmPNY4Qw+iMpVMHhDwqX5zD8tyJypBb3Jqzq04Pho+lof/qBgq9wleyWaiazSLi2/" +
      "Aw3ptJG+Qz2uIzEVg4Lmqz+tMUbA6FmOCJfKocA2Qrc0eJT6pLZ8By8GTzMyEwTgh+oTJuyFuo",
    "V7ZZmAmUxI3c4t2c5ixZNxV5Kz9ZIvvkHCPHmoAzDDKpp35aFNlWRxjWNvWdu/7B/fMEt/" +
      "wI5XfH7YzkpMp2gbW29JytrrKkonO434qGz1P8x9iMhYnlmp9bpU0QWcV7ZADE+VDrfg0y8xR0cup+23DelHgt2AYH",
    "DZWo5D4UicAxBMGVeKzIJ4aflGjPhzIeLvuPwwUeBtJshJgTTxDKqmTrPmc0FgE1RPz/" +
      "aeHaIpuAzQwAjUKiKjZcW67c55AflnBOyUyoQxzjlAmcDHv/AHLh3lfvNEETep1qIu5G2hZwdVYGDd5ejvTReeCBNvK8",
    "7UbAysWU4n22lKobXLU6/MOgO9JwWKclESXgbRMc9HjzHvlahh50L44YTtDiP6alkG5JUxu0Sjx45xRabl+okFXaz4tx/" +
      "JrhzcRvS41yIhNPSqUwhrCqIsjgiAlIraKrQH/nskObNpwmqxgrzb3NMTpi1OuI6s3l",
    "t1aguInL5qaC8Kz2l7RHRGViaWFuIEFyY2hpdmUgQXV0b21hdGljIFNpZ25pbmcgS2V5ICgxMy90cml4aWUpIDxmdHBtYXN0ZXJAZGViaWFu" +
      "Lm9yZz6JAlQEEwEKAD4WIQQEtUw83KeXUbFrxrUiVinfdbGIvQUC",
    "Z+k+FQIbAwUJEswDAAULCQgHAwUVCgkICwUWAgMBAAIeAQIXgAAKCRAiVinfdbGIva2mD/" +
      "9a4QruBrK2CR7q2oIJBIZBk4dgC3HJVGSFdldGHfeDXaUad7YmAbOxzHhGEmhq6L1SFMM9oOVgBasGJiY2lz/j3KUB",
    "HYvyDx1DMKls6MG8t4yqZQRc/QdOfB4LS9SBLKNmJCM8yLfqM2dXvMU8BRzYZY1HX3XE0vYlLvf3Mo+gYvhvuGxR/Bxmm3DHzMym/H6umA1/" +
      "PYl+16Qg5FpgSC8QncNEuY/XwWbHAVhp1ypk74r3OqtTHD/4sYVK",
    "1Kanyu7Ge4xWxcjWc0LjBVsPc41dZEPZgvM7l32cavBAOeKBuoEw2LvWqZHTYXR/" +
      "tHwJOZnmdCXSHyUlOVOx22tALzZJRywSl4m5HjJoWNZnyOiKR/VgauZYqrnE/klH2qN3epndE1V+ZVqeKOdUL/w2YayKwlWK",
    "gIdaNbFYyxu8M+YR4InqvIec3HLVsHzlH0JEbWSJIsFv1xs+lU/" +
      "GHuuISozp5cq9nSTC1M41+eBKA5wQFVhaQ2HNC9zVDGX9pj5PmL+BZts71f+s6p7dhwZgvjaaeK4PtuTqOVwI02Pjrhpdj9xiSHLJrEmOf1nz",
    "TFbT0yOsLJNdrjRC2WThfqj2HPch0vpJUsraShcNb1ITGTdbeGk4D0JYY2DRPXopKKR2rYRjimtE2KIlfn/" +
      "0P9GnMOH7kb6p3JuF55jTx42W7F//iYkCMwQTAQoAHRYhBLi4C1tiPqtq2HdcRbfF19Y1CUf4BQJn",
    "6UDCAAoJELfF19Y1CUf4qH8P/ApvOqmSKG6ftW7p33rhk7c9DmsZZ+KlfqZk0ZyG/" +
      "jG1qK5n1JO7UktJL5h2xU+6J6oUexWR8rEZ6n1OuIs9eCXqsD+LaAhX+wBLyIVxqp2Jdy0tPCo30EA3zwhG6hA888P+jbw9",
    "HthLgvarQU0RZFkuxEmvIyL/eapiWRrLEaZ5Ljqj6flsbeuKHBlVDWjWP5qSjW4IQKH2wNRNvURug4GarjwyWM9PpzCgsxfsJsz0Y/" +
      "lMBuegNWbBN5mRBwHrdnHidxhPH9U1A7QUX/Rq6cLJlvoNhIC8d9LjoaVt",
    "2McrXBKhz2biWccnoYJy8dZdK43na3vyqXHmSwLs1JVYEhQ/" +
      "pvTcbLm5GgZm4eFwoWpN5PpPp13d0Vm0TWvSto4Vy+QCahv7UB6uLodMjVjdGESUejjE33PaEyjhaQLukVUnVIybVkspP5juOTLEiVEbKlTt" +
      "HqU+",
    "grVhZGnRj4R4m6yrVAfmbBDBROnExqbHEEhWmVBzoJ0T+JKguyPggvq1rexFX5QYw8HRwQrWvf9HDo5VmqL+0rZhb1nfYAsmWqBc27XJxdUM" +
      "gTJrbVW49RyGc5YIy3tM9Z0iDY/oaJl7V7SukOPgkw7mGAmAvSQS",
    "9EeHOZFhP4NY/n1ddb7rgTL/qgGIYmIxiOEeSzBfoj0o/ybofi6gMoj/SR0zeFeYNEJwiQIzBBMBCgAdFiEEBauQNAwMXnl/" +
      "RKjIJUzzta7AqPAFAmfpQR0ACgkQJUzzta7AqPAb7Q//Vjn4v5HxeStnnX0bDzcH",
    "oDUrcM5OlvfFDQkYLV/" +
      "qV061JPdihXiDcxGdUStK7JmEBMWCRqp0GW7b11xUzVciQWO6Aoz58jxaLYK8YCQRHrE7PZiWR1kT9RQv1sovvBMnrMjqaxYNvkvTeWe8+Wg" +
      "G+4nrg9ibsZGaYrnIlG7SDxXQdzHTn14N",
    "vH2Yfo2liaY9pySjzXIhpimCWdGAda8TngZZXZB/" +
      "dZrQJYl4voH5ng2uDx9kLcLjZHli5hGSEvkb8F+iruwMMKu+y0H6NVlnaZXr3HuRFOwJXnV6ctBrlGpmUCOoO8loukMMI4pMkR9kcBKQX46s" +
      "iC0+oOjJLO4h",
    "m5HpFx812OAtV1FaRcCaa3rI/N2bqpVJ8xhtAOjH0h3YtUvUChhrbHaBveE9/" +
      "RkcW70gwLbAzJL1FWWSJROsW2jk0+PUTVdpjY12CD7XK4a65Mn+0mCv7aZDWNae1OSPYsDbtXexVYXBW9AV7Z1z8MvIx5sCVQcc",
    "cmaMtIOBemTCPNcNY+GMnS39AN+gYcM1ASRmCIoOcX7GkxZVWR6U5VQ7nSedSH9GP4WrN+P9oljhirR6djHYaMV9vptlyilh+qUgRjVfqsIN" +
      "fou3xrt1CLr/dlabnUd99VP+36F35fjLmHgNFaR+YSlYjeedKws1",
    "5U66tTIind5uXGqdBl+3PwiJAjMEEwEKAB0WIQSA6XbxSlCKSOnKP+m8NyJSyhz5ZAUCZ+lMlwAKCRC8NyJSyhz5ZJRSD/" +
      "9Rd55RpQ1jiJufS9GUw7uekbaYmr8/0ERCrIinlreau1hTAtG3K2hUfGVKZf9pJJrl",
    "qdBIpS2NLtLecuAmBW2tsxlsNUcWSy8b0b1tNEc525YcWuIuz+dckmscU8c8asJuftmjGfhw/wVY+GSkP/" +
      "qwehPxePTF5Wo7xr9kwtzWUs1Pqm/bweqd7hHfK6noCfxzuT8qHgMKSvJESIXO+/SN9NdWdeF5pZKA",
    "TL7vZb04WXyyDbcZ+OacbC2Gos6Pr9+dAeN+c/ApDiixGEn18p/6SiGqzOACLc9vTozhiG8WJqcE/" +
      "JUk1K0ArR7LqWzhzZ0vjA9tnfD8kUXwlmuNxNC+jHmV/p/M024A/4V4Gosd6tKj/Vl6UvIpPfeEUfalDwHm",
    "xYH62Lr3maVFHfzCAAaKeF4CmZAOutRWbFpdTrw7pcyFidDslhKkg+3eFjZ/tShZD4F7mHXXYcCXVQgUOXc3MxvWZKt+N1hx/" +
      "Nuiepx35nh2brrhBV/oL5q75W7iB8ZjMOmk2vzLwobwIHY/6VBrm3Htj3p1PIvX",
    "2Cr93Hdrix1YDqbKoTGM/0jI7v0469zI3pSXkket/AMmtG9y2fCbETdBR1ugOc9KuwJ+/" +
      "i8ivk8BxuxGdZj1drhguVukAXDKCduBwxYBPrJfGAqOv/UC/yWxDHOd8LuDbPDW702AIYkCVQQQAQoAPxYhBPv6vbVB",
    "tdyVW9m6btsWz1uxJSXEBQJn6VqyIRpodHRwOi8vZ3BnLmdhbm5lZmYuZGUvcG9saWN5LnR4dAAKCRDbFs9bsSUlxBU4D/" +
      "90JyuEt4RKcxCBbIYm2qwCwtJUAix80qC+K2kExZKC4b+bkqqgul5+Waiaq6eqwATg",
    "R68aILcWTNN+XMCbXiaE34aEC2to8JjE2vklA0DUY0+2gvS0FoPJee75qOJ65map9KRB7Fsp78nEq0NAOyIe10EbO63mSiz/" +
      "I7Dx72PuyMRFE2HXt5n05ofaU/ejOXypJfARx2+JZyykS2z6ZB8CAVoMzPRjwzO2",
    "IRtIv4j8oYHIcylU7e3KrbKUSzgDKGu4yAMAaAGNfTyIjj3D03kXcRt2FZLwfdY3+/InmPGNNt1CXRlIqtavsaL3tjxWdAesKpgHgv/" +
      "CuH6jhu6W7TU41fCLxNEWAJMbrEtiEJCFejKRzbLSrv9GMZyQIbbxNTPA",
    "dKMX3etu4gzwZaeNNcfNyBZhMOat8ubQRyP1Jo8K6iV9MgNyDclNfCv6VxKuRhujFQZtH9h7fuUn//vMsQWiwkAU650/" +
      "iZ8a2augWlt1qup1S4wZlcTbOGaVuxyVxTEOXRxcq9fRtgHtMdEOWCL438gl6aUtqwAq",
    "Cdn5P3TWcjn0bxaoY8jV0ENb0nfmyo932lYyPCur05ZjWkQMGbz9az219jyPzfZhqB436OPhHnk6R5//" +
      "f45mAf2nvucLgFRNOt9PC1wtwvFlpicCNXNFJr6a2oXI7cqG43Vx6b7GbYkCMwQTAQoAHRYhBF4EoeMi",
    "OhmiBwbiD5kEYT1MzmjGBQJn6V5TAAoJEJkEYT1MzmjGwHgQAKvsVvlHtkUpEqygq+lkxNXVs4CYqRPttUaeWtCtBkMcsgXlillqy+RUVFgg" +
      "Xs1uPcuD149As47aeAVVvTA/4YIsXLuSt08xkbQDAdFh7Ud2zzv7",
    "7Su4cUbyKBSDVRcBkgw6SOaAXt4W/" +
      "cS0HD3j9Lf9xLSifL+p64Kl9ovP9i3GPlWONrnkcKiFmKGYcuSaZ2UkwHm7G6bZhkvKWFw8MEWIFW7KuU5TORuSkip4alNaONb4QXo5HjCrp" +
      "UsNgh6RMefqr4xXmte73Fof",
    "TKhquRUMg26JS7/msVp5tlDL1v8gWyXuBwtVZYWiBc4zrPMDhGYZL1kt5BaZLaCnomfs8LVgfHNd0e4n47FiBSQmuiU7p02/" +
      "etILheI6vhXwsILaZWz3pjyiZpxFcGdiJ+5adwYo6k67CG7QYejsvaKFOhxyaEsj",
    "NCGcDPX++jaDxI2WmVgmb59rD0N7Vi3bivrfXV4HEGUcE41BPviGLFxq80iB2vlKZv9/" +
      "RdGeEOO787H8VVTwYOxVT4DtQ3IhvGbsQE3ZgzdU1PryMoK2TOEIyGX+SukvEwF9/3H6Hn7iFO3LYerZ3bWfEJ5kbW9Z",
    "DmqLpy7SOKd2zAF74mOIV6Uds1qoGZeQjyZWF6uhJnjEFBoTqYfWoHr1CgQ+7ZH8b7BIDOTUtnQ41Nz0+T64naTjg8xluQINBGfpPhUBEACy" +
      "gnWLGoIlLzcdlGoqPilLsgSQb/PN4pw+o3UJMfmWNtHulhVm/bpQ",
    "r+ut/4POrp19kxaYU0tB5vcPPAz5PpG00kw47c42XO0WAngq+Z8c/" +
      "X7pDu0prGiTXHnWf0rINHXn403SN7EISGClSiTiU7l8jOhClUy3ZbVNMYFGzVa5VfBSzp8i7QBcAH3YS+FdE1vQQI3vZ13T25s3nghT6AHC",
    "mTnSRdHjdEoKY8/FpTTlLc+x3Q3i5qqUYwwj9rOd2FtyZ+pudOIW/" +
      "CQX0+PGeNTGkVkuDiCA8B4vzZ8nJyMnoQ8AeDLsb9PVkzPCL9NwtB0Wrat5mcAq00oQGD3J8OKNtRHux76fIA/M1VemjxKbC79knGfCYaOt",
    "yNC7NasjcKnOJLuy5DlNnnXkXpmQCO6f2mWetsq7qUAZaW02u7sQ4QLs+zK+cwz5Fcni5Lo0FRfsWdIVGYJjtxZZY0Lh7qRzYESv/" +
      "KIhxnq8Iim+/rtWfHrPcq9hjykFQ3vtZKFfIhhDJMg6cNh+ev+JrHb+2RcE",
    "nogtYxyHmh9Eb0iSvYN7Uxi8hc/wdmn6+l/J/" +
      "vSrjXrNz8f9mUt48MjLpkssMPVHfM2mPaLoqBINP7zS3uVLZ5maYUaRJDTkg72es9DFg9t3DxVSCwsPTet8MDRPDEFV7q2cDXTqHoV0JzrbF" +
      "cWBQwARAQABiQRy",
    "BBgBCgAmFiEEBLVMPNynl1Gxa8a1IlYp33WxiL0FAmfpPhUCGwIFCRLMAwACQAkQIlYp33WxiL3BdCAEGQEKAB0WIQS45fExdtKnp1IgAoB4" +
      "26O8R+8iZQUCZ+k+FQAKCRB426O8R+8iZabYD/9zhHbtxWpfxFKi",
    "PVB4Z+4tx73HfoYNfnnY170+BKmffbXoFmM/" +
      "3L68CnxVNOfHLMyaUZWIo1BMBauLradSSHaH8SEgWNdnPM0KrP96AKOH9CkF01sgsLGfyA+gXwEf7F8VskjTeNgLduuTVzvSJTlxgvQwv+Ni" +
      "SNvh6yHdqUAiqNY5",
    "qaEhvbm6wWZjiL7b2k5wlMkPBd1K/+2+XwpXprYF3xr+BaccBOmjWQfID2SJjpmY+v/" +
      "D779Lh3phWWeJ+S8y9NVci92g+K3RruHQtE9DfJLGwDZwjcUkn3rYbvFBi06vxtjCwbIf4NpKPeHJfUZgGUyYvje3rOeU",
    "RV3O1lw2NgfrVUH3A9o8Zuu5buWpvcSR3SGd/3Fm78rFgr/kf1l+W7HfhH0rMK5+T4n2UMgZa02TvGs25UcFOSu2cZe6EF+eLlpuoGos/" +
      "1cIC6yb6is6AwjbpgDL8pyQUL554Jz3udNXIl5+pslvjYcX7iqipPdF",
    "0HLdAG3Hmmcll0pP/8HsDvEQk2tP65eS9VGw2YvZyokkY6QKVSo8f+TNQu+vKrociCai34Qxx3Pu8em3hzX/v0y2Rmw/OM0YLlxVNOV/" +
      "4gvS1JNlnh5EmagINJ0lVpEJdLDJqdg+/ovkq3FunLpRwkUjdY2aYCU/",
    "lUZYOZXCcx0zQq6U+ryxMfVpJZ5rWnHHD/wITWab0H5rH9Gjbawdky8zlJ2q2a5wBFAyp/BLGE9SXTl37pRHD/" +
      "aAljpcDEVtMX3Lm7R+1wtLGz+FIix6kyhcc48CGnkN5mw/omiSTEainwQm5Bn7dBZ3mqc6a4t7",
    "mhuvr9563qiURd0y0sPsCOr3eGcJ9PHfwE0imrkAwNhzCqmeQ/uxrn3q7zuUqaB/Byw420CJk78a8hjO5e6YZTdpAuImpJHvW3EmI/" +
      "gnXePcabjh+30zgF2Ger7pQ5v2Sa76BHoKhZsu7tpXsVAo1EaNMrJ1F9/b",
    "gsXPnugozwYx59ZFtET4tgrH5FC8U7as+DzN9FCq2riOLdE3FFsb7Oafj3GWi+9FXBDJD6VNSxpFHatZ4a3K6Kp46fl/" +
      "G1GNA65SsKw2MTVd1B3pNQ+0HJhaW5bU7wd/OTsRWdAXJ3vw3yPKhDc6/oTyYDo7HDcf",
    "6Xae3dwVrSToyRkDI29gWTv3lN7B9LHen6x43gq1/" +
      "7MSb9u2iuiaSP8rvvYc2GaiRWcfkg4Yeuk1J9qmgOiHyhA9cXrcMleCaQF5E1p7ocvhOso1/lYncfPlYx+vKZGpK4GhZk1kOczyMC/" +
      "Zezk1qG9N/XGoa0rt",
    "+LBMNLiFobT3Zj6sADn767Md0yOadEgYB/xTmyASpQK9V+LSkub3ELPPIl+pczMFJTBXMe98MDmvUA==",
  ].join(""),
  // Debian Stable Release Key (13/trixie)
  "41587F7DB8C774BCCF131416762F67A0B2C39DE4": [
    "mDMEZ+Gq1RYJKwYBBAHaRw8BAQdARlh1OX84KPJRedAP/" +
      "M7WxPFEthWypAp8nvedFhqaX0q0R0RlYmlhbiBTdGFibGUgUmVsZWFzZSBLZXkgKDEzL3RyaXhpZSkgPGRlYmlhbi1yZWxlYXNlQGxpc3RzL" +
      "mRlYmlh",
    "bi5vcmc+iJYEExYIAD4WIQRBWH99uMd0vM8TFBZ2L2egssOd5AUCZ+Gq1QIbAwUJDwmcAAULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRB2" +
      "L2egssOd5DjVAP49S/e9VAtn9ip2DXj5zx87MpUXnLHAhT/LsJ7J",
    "odnKoQEA8murEqdcC0pPsAA6Gmev/lz0MWUyfe5Y6DMB6t16FQuIdQQTFgoAHRYhBMphnWWnKnut/" +
      "JbSgBlkGKrrdMihBQJn4atmAAoJEBlkGKrrdMihxnAA/3i7WOUUDyea6tABVGfFKfHj6yAbfcKVr5GL0WSO",
    "QiXNAQC2YTKoTfCY/" +
      "WOZnCwEHebpM3Mr6+A8lenj8pFzm8mFAokCMgQQAQoAHRYhBHIDYw4sjnJyUWhP68XOXcLFQs1ZBQJn4v59AAoJEMXOXcLFQs1ZfdkP90fbX" +
      "OydWNb1iXwu/vaUjxSx5Nk0Zwkjj7Pi74PZ",
    "Ifd9c0Luf/j7dEHuJOzkOKvkrpTYeQN8Ms9ITVTMeNSOoQn8tnYsxhHqHUcI9ym/" +
      "vJ6liIsE2K95gwH2mOQ24ot59pMyQX7sXE4DuQqlrEW1JRemKs7WJB2E/4I7smqG3+/mqXAoHKkpFBMm1v9tNVx1Tp3ER6C4",
    "VFszONlmX0NLB5If+wSits1LnsVgBK1DHd3Nxh78YQL0W2xBCOfsHryaKkLW6tp1efTpMHfe4lDEgTFvEWaO3NlPEeD67uxAKpEG1b/" +
      "CzBqx+Og1RT+0iZkW9oXYoKJI0Vx0HlYeMrhuE+Q0Fqy/nZYcWhq3y6Tu",
    "GC9J+hyB7D3Z7ne48zNGaAU4x7+6pvkmlBWnNwPH/IlGbexa/F8o+rU0AWrvYCVRcbbcSsgkq1Dl/Xjbvlx9gwkKnhacbQ5VUOA2Zkp6oBn/" +
      "pFD1W8xE0X4dNHcM3J5kCAeZuszjPIZXvwuvAjaOE7ZxKvGDlQTW",
    "K8zR5h9tvcwMfVND+EqK0qfDGDMtJqu/W0lSJj3G/FMO3aGn0Ks6b7cmjbCGjmn7WBGJT2PvH4A4ml1qopWy7Ont6zt1+Clly/" +
      "0Uf75AamJSrAAYFFIJlcpWH/7NRW2L+n1FoIOv5xj5h675uHh/WFlPTNQqrRaP",
    "p1o=",
  ].join(""),
  // Debian Security Archive Automatic Signing Key (13/trixie)
  "5E04A1E3223A19A20706E20F9904613D4CCE68C6": [
    "mQINBGfpPl0BEACyof6b+LAkxSHiTZc0RAjilNtshxhqOSr5hrApjAdyLDnUWMf4mp/" +
      "UytFKHCbzU9H9QkYXLyr2mCltknX5+A28iYHZzS0eX5XMAmaWdqvd4IkAb/Sw5k3hFSyFTf0DUW1G8O2AwTwtsC0sX+jD",
    "yCzt+zBp2ARnasnm+3gZ85iBmmWkrZf+HDljanl/BHRE5JzX7Y8S/B72NHV7++m2dqCjsEkWZDH9hyI08cybz/" +
      "Kjs5wBnVuj1MqlStKu8kDP/rR8c3KaehwFC4piThZsFe/0SgtieLy+BvLs7bYRdO6SC589sPK5",
    "5/yGmh5NHenVOafTC029p5ZdF7KMPJnmGo5hIqQ1ONBDtVzPQkNO3zlGs+auEN1Rm0PGrRKd4LYbuJVikn7Xo0ZhrOnoczGEfmKAQmRVfWuS" +
      "oXwH/Xn2DwESTXwx1ruHuXcY0hiGdmfWVwJgiBa+Phm1Fj52ARvz",
    "csIPM6Ib+nigzcSoXax3QrhPazVUaPn7PPy0ZEe/" +
      "qKN31qOP1iCKfrc4VuykhEap9ZcN7HBwqcmAUBImnWp5kJH4KeDhg4NfUKuREmPF1pyBzVXHQLi3eBQq+/G3fjJpVKOmUjz/" +
      "6uURgncWeD49RITaeaX2Hgh5",
    "qpBXO95IGjp7+nkD6/" +
      "CR9fjZ3W7DAC193Hw1VCX+8zrCC9TZ31pxawYeewARAQABiQJOBB8BCgA4FiEEXgSh4yI6GaIHBuIPmQRhPUzOaMYFAmfpPmEXDIABgOl28U" +
      "pQikjpyj/pvDciUsoc+WQCBwAACgkQmQRh",
    "PUzOaMb0bBAAlyO747DrgM2oaf5bTBznlG138521Pgkc5QtzpwNZw0n2HnJx5KRQBbrr59VaGCFntrW6mueNS8Wz86PypPUl5OZpGk/" +
      "Wo15x5UNkvlMgp0V/8SK3m/6/EyPkuhX9/cb0MiN9svbDzYXR4N+bgFnk",
    "iVICWk92P93Tik7f93IQ40TzAlYcjDYKjo019x+pGS5VYw0cIGjtsNijawiGDIyS+9zNsvKUmnmsCBJuM9e2dL3iz2p+4qOC/MyCSNZ/" +
      "V8cT7DjfJgfIKtByDimOXCWWCRn8uic/49ou8gY82tiASj7Bdmgi6Fst",
    "Sh9FX+DBeRMkRyACyd00sq5PnFKWqrcEsvDNozqRHVBznhf6XaSET4uvfWkE846+8GlnNkJI5PGDj3o7i8YeQYN/" +
      "GKFyf5YbbvzHkZGp8d9PHUYeyPRUmK4lRi0D2M/2z8RTg8R30bJ1OHZoJ8JWmdwxJo8AYGLl",
    "mm4uLDrMoFvILykVvT5TX3r8Zw0fQovJIIWbRAkCtEWH4AK8KUM7B0W5F5NO/" +
      "yDCS9xxcrK4QP6A76HMGpHTesPnQOJQN2mEMp8GEiPdV9aCUm/49tibc94HqkuZhh/GMjScKDvhq7WcxM/qrNGW4dzF//xG1DwS",
    "8QfphB7pxW8pWyg+UP0CS0XveUzpfbiqCj4NUYDfuUrk/" +
      "tsQrYQAZdGJAk4EHwEKADgWIQReBKHjIjoZogcG4g+ZBGE9TM5oxgUCZ+k+YRcMgAH7+r21QbXclVvZum7bFs9bsSUlxAIHAAAKCRCZBGE9T" +
      "M5oxpcQ",
    "D/9QzrM2OC2jrvFGgizwD7t3gksSUiL53h77SxX/" +
      "GJItjyQA35H3ITmMK+y9Tz1zJiR73ecXT7HeAzmuiBGv4gUsDHmPUkNHWS7y9MavKcczzM4g+aU+EkS7uFBNl+555ksLCtb05oaqyGTB3TKF" +
      "r4/myXbjJReJ",
    "fM3BoJmjOeMUoJhN+aOYaGfbGzs7G/" +
      "Kvlza2gGi2G9sqUHHLI3LN5i64qdm4Uk43kABrrOwsDbZtumqcDmDOCYvdkBiLyxrhH1iE2bq67O3jlefq28dDfYOEFTJkYNM4MqE0FAi2md" +
      "8XuzzqBohmwYjGyrum19Bj",
    "mPZNEOltbwr8TkS15AWBhjw2roVh5r/" +
      "ALINSDEadu4v97wW4IMPjf1FVMTEj1+6uqdOsqrLb2FVUcHa9XWIpZenJ+FMNmqWizIP+ywszaL2NYp37dmj0JBmlN6HKID8Gnt+XBbF/" +
      "t9rjzMwWiF/uqdUk5ugkI65b",
    "vdYvg0HQ9zXlqMZQM1tU8jayjJEFQ+bhZxvo8bg5Z5qqIVAqnkN1qg/" +
      "4IZNHFKEny5PvxINTeRlJS603ItF0GkynRORki2+zr3A2mhLOcN1Wxa4wfbsc5fxOw01bKHDsH/cFixMxFdRSatDioErG2JYuDLfYBSaz",
    "fV5zchZVXvlbsv/" +
      "dYS0agS3jh0cdT0YWzs039JU6qTOdgYkCTgQfAQoAOBYhBF4EoeMiOhmiBwbiD5kEYT1MzmjGBQJn6T5iFwyAAYyCPe0QqoBBY54SEFrOjW4" +
      "MFKRwAgcAAAoJEJkEYT1MzmjGLeYQAKYD87Qt",
    "bgknLcXkjQG1AqTQcf8k0WNgBIOkXuCna43X38nJny5BFHIwTZUh2wvXFxsFE+IBapD5+Hma/48Pw0fm4xHvxvtxsSiFe/" +
      "91bQhlCeuyRWukXlPNM5xhIiX0rKD7K+QMH1gywfu07nGYB2ijvdBpPdp0tHHyyYZZ",
    "99VVMR7Y9qeltadjWFKpPUubOKMkPMhuGMJBMGReY3ISDUpG7lfpvMBzpW62D+Woac7PzVcvzU2DhaTkcYrLhJSHM3Q9Z+/" +
      "4N6t0eZJMZXLSmsxN4s/ZoG1pyhNtCyfOYiPXh7zf0WqKKIGZarwieu719fNhbMv5",
    "WoLYIENFkluYWCW/gHCgcvNFbARwAnFjWb62x1QEVkmNsBeUk/" +
      "0nu0bwbRonQ9KbH7ROOT8v5paEJgbhgECWcTO6pu0LcPD4XdSILIDSE1JF1VN4YoXwRMi5NglGyvsKXQJfI9OGNub5kKQ1+bldsMkItJq8Z2At",
    "VGdPNKAV+0SsSFPp4XbVpx0jfSeWnGlyEgS6AC+YkvZtRS2lW9le7KFfHLELs5Li9cKad0P0LexhQcrf8lh+7M8jJzoYTecdIRA+TvL7BgZy" +
      "B8kVs69R4UM0Jsvj94ZcuN6ylQfv7QEigcTyxt/HW4uQw2aqA8EL",
    "C57ylBkBRoppeETMjlQrn419wPxbY5TqHFiAiQJOBB8BCgA4FiEEXgSh4yI6GaIHBuIPmQRhPUzOaMYFAmfpPmIXDIABMJkRvqlm0GEwUwRX" +
      "EbTl/xWw/YICBwAACgkQmQRhPUzOaMYg4A//aMh9o6Rkuu/GJmEZ",
    "8+WIYQM4CZo152ZWdhcXGHtFzcK4Js+CkqQPC3w3yb4luJYAHzdXItp/BRRHJYc6GEVj1VrbNvR4JydEc/" +
      "w3XM6FhWtl6ckSUSV8jdm1NW+Edhs/wJxRDcjywCamdef2vQg0VQJwHRMvKiAwtzLnoE8Tr94ONp3g",
    "miXvSef/rctQtOnMfTmYrpGeUG2kp1zCTgxRgLQazdJMeOyzaNoK4wDTy94TkDM9irA8LwLe6L5JqECB8g5lJnk2i/" +
      "OmCOj0EBLa3W9uFZSYrkLoSCrbIkftefe3Uj9f0a0AijFkfuNgY8tdoYJvEmW+vAlWuPkx",
    "NJbt9Uqe009P0JBFArkc/YTV0BJyxRsLsH82vQvmG1F/" +
      "u2gSJnS797sgW9OfXqelyCNfEzD8nfjjQeRZcfBKlB1ykILdfedLfYGukp+lGDja3LE0tQKDAyg8hycG1odtQWS7dl/" +
      "bK3yuxJIWlvDLyZYrBnYr4YtR",
    "B9vaHmtzTg2IexXur+tgLbc2JAoM0A6iGPg8pAbTzM96ZBSb+dCftIwVxJa5pouGwORGcc3T+k1/" +
      "+g0Fdu1x67ugWNTL+RFMLQvFtXR8HTCvjlHecVvAZ8+Mn7cBdC4kVzXedvNNTch9dVH7VPTtnr+lcgbWekKn",
    "J4bZjmeB7t7eaoutOA8LgePrG3SJAk4EHwEKADgWIQReBKHjIjoZogcG4g+ZBGE9TM5oxgUCZ+k+YhcMgAHHT2rJ6TOzBn9S8z+kWexnFbBw" +
      "XwIHAAAKCRCZBGE9TM5oxtf/D/wJ7A3ZvO0G8Qe1Idpj8VlvXr/S",
    "slkrlJbPebV8DjP1F5L7+GgqVqX67ID2TP1alhVCilzeuTzBHH6LytNOdLDq8hCBzJ7Raw0oUH7XbdCQ838wDTPzfF3tFYFY74K4+e+OBCo0" +
      "oF9GwK9RHc/y3iFUnjQ9rSVi2gLt+gPznNhNsV91ROwuuWGIRXUf",
    "qDHW7chZC4g18aEWM+umqYkSP9NXkX10Xdr8HXrC0wLfmiy8pPLNr8IjsxSM3jgHw81sXQ1WfmRi0gJySyCbKMvWjebvFOAhM7k8PCmgEroI" +
      "OJ3I+Pya3OHMKDKalblIT2KYuqbCSQw9JUTGf5FMo6SJSOcXnv7t",
    "9uqew1fyyLKSrhOWyLoqMcK5BTdj+CLeVlVfPMNMz0YfkaP1a6/" +
      "TkgJqgpYZmL6PTymAzflFyIgsjBB018xHG7RK1cZIpyL4xx4jLl5a74wC7yi7xKg778znTS+qWp8hkBdwlvjDur8XlRbRpn6w2YQL/42njIEe",
    "ZpZyXB29m87DKxBHJduk60PzpMEgo8R3IEY+MAKrsiLDKcYw/RdAelQMp1RG1szR+OizzMMDB/" +
      "KK1q+XXzE+qwfHq4JJgTcLyd2mLkxihwwrtLEN+h8OIS5PkNC81q6wOkwycdeq1GPJjEntRxbhbeCdziWNjX+j",
    "imOdof/4UYW/" +
      "TCCbpLRQRGViaWFuIFNlY3VyaXR5IEFyY2hpdmUgQXV0b21hdGljIFNpZ25pbmcgS2V5ICgxMy90cml4aWUpIDxmdHBtYXN0ZXJAZGViaWFu" +
      "Lm9yZz6JAlQEEwEKAD4WIQReBKHjIjoZogcG4g+Z",
    "BGE9TM5oxgUCZ+k+XQIbAwUJEswDAAULCQgHAwUVCgkICwUWAgMBAAIeAQIXgAAKCRCZBGE9TM5oxoRCD/" +
      "0cqRUh0dMpTuJCslbwvhxnAb2clj6Pfg3/i3ujuaG9TpwI1pD2FS442dR5Mj5xlO1cvVJXGABlFp1i",
    "PkI4M3j9BJFNMd+zLtZ6XIJyUNr0Zmf5sYiWNfXpVQE1kPYCReD99pBMXt3iq6rg/" +
      "pnKfElcLesXUNUGs5DBtOMc2Ziw7djrOu4iTkss9LF7IZTAroRq19vtKBVpdIyRcuGvf+K0ETjtF1em5Pb6Bpspu8v+z1s/",
    "bYvEoLGbn95MLjZh/G1cVQLSENkDrCqA/m/mXvYA0RVDqMiPmAdZZiBp15/" +
      "2y5ueN6c3px056S6ofwIocNGATxK7U1z7mcV8bSqdpnLN8oad/mOCioDGTN9CBLC9glUVTTVQCEnSQtjFqKCmOZc9Ciwjo/uuDEjv",
    "IU+RRd9zXQbZBCmIqsqmlqFLWaaELBnCKUbV1C4KmawWw0uVJW4bhPJqezp4gNWBo2H7wBtADl5HAe+X0p8WDAGTyykzfqh/" +
      "wBaQbRPcnh00NaVQIxddcgQ2kn/Ljsksgr5LypDtsKjhjAuJ3Bk3j+8OTi6xnd2O",
    "4Fe9jDCJ58VX4RkPGfijvyB1yggeZqXhykx2pkr3lBDkM3koosHh60TaBHMeivYuprbhiKd0HDCsekAntZFy+oBoG9zy3L2JgYgwA7XLVgyt" +
      "qSGg3QVNSsBekk/ed4kCMwQTAQoAHRYhBLi4C1tiPqtq2HdcRbfF",
    "19Y1CUf4BQJn6UDwAAoJELfF19Y1CUf4QhcQAKpAtT/" +
      "2ZUr75RELvsl7hYQDtI79ewvzNGgvL6q53SgIcm9w0lU2LylccMsHA4rJp1TyvpXSgkKai5MsqL/2G2VgJ7AgHLuwNg/" +
      "g50vKDCQ9xK7j1W7/53pgMoo7",
    "zz5iH8UjHgE8Fqx09QVyZ17bB4lNLlYkkEjc4WabfOe00CtK9lJeNJPxYkR86Y+eyEEBauZLcteGKEjWPPAqOXyEFYpogsWrKxW/" +
      "Wr0ilASDP1Hnqmz+uu6Grwjr292ewXnMmk6TTw2BzUhkZ1mtHorxP9/LZIlN",
    "rnIBRbiintvkcCnvkHADCO4jXHBzIk4cbGJig73BVnQyCzd8WobsMvzDsqczYB2Z0zNiSstzvPS2pug4emQW0wxO4XyIm/" +
      "gyBsSl4RQ3nlIflalAbbeRtqUOY0JVZzbp//xd/ZDfaeW2EyRp7//FdUQ29cRHuux4",
    "/fSMLv3yo/mW9QgXR0zv3Mrj2aSwSIuKTtJTRAapAxnPRrm+CC9/fTSHJKJZYluGtrsP5fl1saYyJP/" +
      "dvZbAq6Im9H3DtVuGLyzIzPd7NWrWQRlmuL+CKJxxX5mTFVj+GKAGjjHKT9TyIKbcysPalYIZcLqd1s0W",
    "ecg4KPcLFbxFjOwaE7vrbkz6dcchb/Pce20w+09z2b/rfNKY7xhhAlhngvxg6kg89q92XV1krBF3gsvGiQIzBBMBCgAdFiEEBauQNAwMXnl/" +
      "RKjIJUzzta7AqPAFAmfpQToACgkQJUzzta7AqPBb1w//Qn2W2/SN",
    "uZGVmUoxK6fTQn7VSKjQlsqgrOayaqmXXHLu/BwkGpy5SnH6tkQuCLKORZjCJG6bPFnEhkp6807NrBcrKdI6RZ9/" +
      "h8ikxMuzJ9+6nsU2mwZZq4v72kqrOaY5CLaej8bbW8BcGI9NQJyWsFUqeEr/yUV4GnP9/CK2",
    "XmqvAbXE2cgD3/nGxJkQMKgZGswz3zahwiLFDH8Spn5qP/" +
      "kX6wN4MMm1KJhr7Y1BINL79WxV0SvsIF8KQ8O7EAXav8tVXCYGj18gqUDZxDIjC1rcT0B/" +
      "YgpKM519HDI6gBNebvjJULWrnkf1JlmB+K1FQFo6L4Uw",
    "3Ectyl/9DE4UDfjLai9YMUqf7mZHsDtJmpVUOH5z+XL0PcoxteUsbSU19lA+BX/" +
      "zjDOxYzXagshIKI8OnU6iW6Q6qVjRbvTTSRYKYhzzoMwjvdDKKxMASUVsUtKAcraePboAWkzKl4PV1RFXQeSASRAcLedQMLq5",
    "QiTj9jf14PBNljRR6SF5rTr/PNXf77/BtF+f2ITjkOWOeU30GzirZzDHK/" +
      "sqynXnvq+GEIS07ayPhzlRMa9Tf2BPsMnCRYhsDOLr25w3MNUw+TpaIA82CRt9YenzDiYgVbFWbZFvEV9/WEbohOAWUi+e64OpWiT5",
    "fJmQjWPs9tXmKkL2Qg/" +
      "dT6Cdh9J5p41HCniJAjMEEwEKAB0WIQSA6XbxSlCKSOnKP+m8NyJSyhz5ZAUCZ+lMrgAKCRC8NyJSyhz5ZFJWEACYKgGpWGl/" +
      "4Pj3JcsVFkFa6Utk6S/gq0mAyRriPk4EwK7Is8B4ypvL",
    "Fy8ZKRmQjzvf/FPdLz7koK6E5fVWHfJCrFRf6A6Kqi7pMqniN9cLeJ0vMu2MpM1cEgaepN/" +
      "+1yQoDXFI3ev1qxFh2AWZNIecWtZ8NfhPHEvsE6/GyjLfH2c5mDGCKCzANNWA0KRWGknAXehoSB8Dj1iztjn20DRv",
    "BYWUNCXpnM1I0MYMlDjIyq2K1Q71mz9aepgbNxyU6mIFry4z4CPW54bf0nlma/" +
      "qyYnrDb2FmUr7rPwjqtegNVDJqZzBw0QVqjMZoMqdTibHL7ypWHdKFthmRwp8I4ZkUFLlS/tCUMdf9VDpIec55emcnfYptpcrj",
    "mPEJ3Q4oMdiqF34uJezPaXWiWy3ohGyURWcCPegaD7f2lOrr2DFDW45KpbK5GMlJzB5bDNjO7h27ZP4VorFxVhoTXEQ8oKTuQIJ1xAHdIUYv" +
      "b281oi8F9bo4VmaXaOqALgbmKmL+qju7IFqC8G692s5DdBQ17h7J",
    "2D7O4JuvOb5KpdJy65ht8rhKL17pAwnA6NkyLiuyGVz67P6tyez/" +
      "uVuCvfoJO2BwNXigbflzqMxn2ycWxiB08aQVnkLVi7SvUPUXIuEM2dNRfS/OZiXIroGKNtA4GRK0XQWbHvXHBnpZJarkmOYobIkCVQQQAQoA",
    "PxYhBPv6vbVBtdyVW9m6btsWz1uxJSXEBQJn6VrLIRpodHRwOi8vZ3BnLmdhbm5lZmYuZGUvcG9saWN5LnR4dAAKCRDbFs9bsSUlxAETD/" +
      "4urpx37LHO7rgde0i3qfyZPTE62PHRxNRGTFubg3NXLdW/V+uhuwh2",
    "G7hpg2rHXva004oAVt8K1JaWfeDwXQdZbE0StX11STfsnJ5pUaRtSzCmRJ9cRQAsINcnNcMJrTAzM5ImzdoRXm/" +
      "pvGeq8EnplFh5mNGY+OC93VjPLq2y5tQzp7FVUJrUmbl35+jQrv2dEYzAVfuxr5BIh5ZJZjKg",
    "CSqZ6C65iiJxaXsYdXb/7xG/noQDWfX7Wbg/rNWwdCYnfiBTCJl7Q2sFhQDbmSg8xv3yQ7kvvlDkXkhdOfo8PA3/jVRtDWLaGvB/" +
      "0OYdgIeU87D5V9ZP4ZY5OlS2aNtWtZIBZ4U6jtAKY+NTMRm2y4bJjjOGyMl4",
    "rcYPWFNBEYAMSHxjnhmhnggfEg2niGwSWJNdvlxD6cV2if2BF/" +
      "YgrluQiGQlQwbgDf+fWx48a6dCXwVgl8TET2xeI0mAX5mumKw3hFBpTTR7KMKZni5RmfH29y4MrN5D7rzGdJKEsM4J/qYNTLvSEun5+2ccPzn9",
    "1XX0froacmkn8lu7wfAxx7T/tSrja1jB3jCRpuVytEF20wesaMtDsWEKZNJ6Tza9qE9OF4vFhTf1P0mV45Ew/" +
      "Az14P+Wky6ws3NnLXDC5JVyf1jH/j1Ni68DZUdzf5x34NGi5w8qpex3mxR8mkaIIokCMwQTAQoA",
    "HRYhBAS1TDzcp5dRsWvGtSJWKd91sYi9BQJn6V2TAAoJECJWKd91sYi99j8P/" +
      "2AJaZSsxg+skI5xwfVNCKBm0nCPqes662TsvCzDx3Q2+Zc6MWAuGvikLuIMOZziOASbEO5vE/bP7Ihfy0RQzuATlr9DW3Oy6fas",
    "GdA8aaYjdMdYeazS/wVxKMoIE5g0/nLFVHuujBr4vDI+smEHeX1LDkI8LRpT/" +
      "ECH9eESjrfvhUSXNu8Y9ZRyi6zLX6f5RY2bl6R4ptpqByHAfT5wFn6o25zWIPAU7B63BOJNnfuFfSeJ7rJ5dGmxnYPeGUuBkmsA",
    "Vu/GpS7i2+16mlIIg6H+uQI0qlsK94O9S//lng7Vv6iNw7sNhoKru7e0bUz+lCnsNojbOpKUWEH+yvcBZtIRepxP/" +
      "2vwyu1As9DKZKPdbjgSPy5x0HIAZEM8hTYgDwmlapCPLeV85iDbKLhuO8i7KbcCq79xBX7f",
    "nohxdskFeYE3mduU8ThFLlZx2qMZOqLe0PcL659YxuMi7FW745M1xn9JvKEMWe/vReQO7cHHmygR0c/" +
      "O3bEpznShz7kygJJw5hWQi1n1Rbrr2EexBD1cpsvVNocr6mKani3eOTpMegJ6IwiDYtJkDh7L1EmFxj8O",
    "B8CEJAE5QzYpCpdWPHer0cDJ6kWX/47sK1Eqn6md4Qb30oxNoWRPKSDXch6/jOstPsk25nuNaYGJr0+tH8iDtDW76pQ98bfG/" +
      "3lgmLI2uQINBGfpPl0BEAChBbWGxo5+KUAHyz3DSblZpFjzv71W1DNuceRhNfUO",
    "Usu3lZKeI1dd3jchp367fmaC5+2rsg5AiZzuGwmhmFtgo1fB2ImCPGXuafexKMrJzpLIJm0YxZnNzWauEWmZGTui4UjZ6DjB+c0UvapShIoR" +
      "xBCgXckTO+w4RgcE5/aakAPh6PD4GyJHX8zAUZW21ZmS9NdNj3K4",
    "/8uBcICI0mRhwvXBFz5PmBOPY9n5hI5iKC8cKR8F0CG1JRhtNsThx0S09fT+dQAnGPEo2PTwTcxji5OGHcWYfM4qMnfuEAjOGMCYh6GkKDzW" +
      "Mhc2kropnA0P3464dK2sZ4peVOp2nx0m4GucqdtohZ0Ud9dJOchr",
    "jaS4Ob97s4bSti+cd0vboPxnZqi4i8GS2jvFBv8dkKbvn9Q4TNJdx/" +
      "r2GBlBxgHfZZq2P77uGZn1JjAzKGpNpW4KUG3p7LOsxGDUP1kjKbNryq35m/BTXIhDNizwfdClwVmKktFdApTpcHPlk/tIu3c1fOfmXZtk",
    "Wv8oDJOXD0si2rabrfodCU7fRTOLRLc8pH83S/HSlAr4Fe6aAQMzzddUpG5uNDBgFi0tBXB/Vvplz0P3t1YfdTTrnnWU2esYqIi/BMu8iu/" +
      "yTe0eT8PFNwJLi9s26RSntD5blAlRlvTh0lsq8ZOQbzNrZ4XbISgm",
    "zwARAQABiQRyBBgBCgAmFiEEXgSh4yI6GaIHBuIPmQRhPUzOaMYFAmfpPl0CGwIFCRLMAwACQAkQmQRhPUzOaMbBdCAEGQEKAB0WIQSJyHrO" +
      "pd1rjmpwaICOn4MSBbS6lQUCZ+k+XQAKCRCOn4MSBbS6lcdwD/0f",
    "jiCsFhl6usQ9iIyCBdfiNaRpvH490X2Fqy/" +
      "frRGwoya+DR8TMWQxomMAv+o2g8VPA37DIyIkRlKfaYcFIYeGwVZctJkpbF5gonfILSgnzEtaBUEys5Iv5QlGc2AK8rBAJlC/" +
      "0PfZ97xCYzF8DNk5PIfi+f+8qOhR",
    "CXQyY2nHncuvV5gWmmhxS6AZyPOtjVv0Y085gEtd8pVt2r46c5k3xryoCO5beKfa3UIlg/VWLwVpT/HpSoE6/oUIlM1RlJN7XUb/JbY3D2K/" +
      "ksKATEkXYLpwVx+Npt9sSDrGnpLvPi858A2uSYqE7ULj9s8W3wMw",
    "vuV3mDcDuG7hgfONq94daKUEF+/" +
      "3I8buS7a7+8n4lJs5B2jQ+FLKHLPabyOpc0zYZKrsDBKtZQCZArtHgl2QE06Azxg2SVgCl00Esee8Hiua+dHwKYRAVfiPQSOfmL4PzcubZJV" +
      "1hZXH2jFkqQZ9HgD3c4Ge7gY0",
    "cDHUD3wuoCPpFxuCfs6EiqyyqjWxPRM0peSCg2Oqcc0rgqReDFJAh11hytG8iTDR8kcuhz5sXwmkQSPj+zVITSSAY8aKOrIuNGbio+s+2Dtt" +
      "TmnKytEp2BOq2HqlWaYw8z5TwL00RHilZYHKi7QXNmSEYhIPApHK",
    "P83bjF/S6cdN9S/217usqs+pz1goOWYD1376hyO/KbilD/9d6gYwDKQGDalq3E1KG1Cx/2NOojo3NYnzlRmqEjF7/" +
      "1I79JTx2AvLuCqKr2S3plHFUwqLUbPhvA4hV64Y9N45CJtvWNaxYu6hhVKbedRa5z94z/Bn",
    "11nHS8J5Dnfdt15a17/FUr30xivlQ8Bwp/" +
      "451WTPAsnFsgfQ3rKcpdGWjFh4Hp730OxX97piuUOdvwlgTgV2xaNDnxDsA7WSqjHGFExcy+ypEnv1zk6vyt6zDdiTISKd43goQnqgI/" +
      "UVpzB8kt67S0CIlA/mv7J1",
    "eKQs+yYm9G/" +
      "TGZv0i4Ikb8qkYUntcvgjQtc0B8WG+8OP1ZDTsl56MmEhoHFshhzIv6Bu+1a+rTEXO9FahvT5ItEhxNJhy0EWXsuzsq522Anmuo8OJz1UPDO" +
      "N+bqML3IUkp493VLVyqL0xoSsQi7p+mfq7S6qU8ey",
    "N+hCD9heytFiLpSyP8AHnj3qQTfXeOwDuFeaaSaA9OvBa+1ogA8rm1gwv7eEu8E/RynJe79BuYP8NhMe8U50/" +
      "sto7KMdAZnCqNvUArkvtTgBr0ZeSS3sb3CKrz0RA/D29s0mFXtYJ4kDiRcWhqQJq+xqSpkKu9gs",
    "4sz5MckaU2YHKJztXyeC/suQGXEssye+7wMQNB8ndy31JDvbAIy6gNI9NAvUFlEOugNdPbTx5TQVD48tsKiSIOPP1g==",
  ].join(""),
};

/** The certificates, each as a keyring of its own. */
export function trixieKeyrings(): Uint8Array[] {
  return Object.values(TRIXIE_KEYS).map((text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
