"""What ncompress 5.0 makes of TEXT: no library for Python writes this format."""

import base64

TEXT = b"".join(b"%d words and %d numbers, again and again\n" % (number, number * number) for number in range(120))
PACKED = base64.b85decode(
    "ADxgeK-_sFhs+!hVcd`b5ztMYHe$-inZp9%nJ{VGAXI1(qZ<V=1QIm3abZY@5G7LVn6V_wk1|9SJeY7H4G<_JPOKQ_V#}H@70i%H5@-&b4|T5W"
    ">Cq+Aj0$cJoar)#4Wub|zI5vIV-2D-Im-B&Qzg%?Ts<ndI<+Xr8CT0{eX0>CT?IG5x}<Sb?ozaNyDGq;7pRS!e$O@ytoCTzunTdVOlo#3W2i9#"
    "KCTL*A?3M%Io^#Cax>5vGA3vJyI8bf)P*_5pn>=^>z}UG#u#c^wvE2F72{qwTIxv1AY$Z*8{Bek%wKyilra{oQsH%<f3zBVdJX2Qv8TnHS2_q8"
    "IDm(DPW&}t^D|`BUQc)YcE`tE!c~2peNY*i<p&fEomp2|eV4&hnt&Y9#@~UVwWk(!-GM*@4)gVgpmqw#z#D@L)gXg<8b<h^aZ~|S!wuk-*qVe;"
    "RcD?J)g|WNT{5r*A_z9HXdq}W{#V|PH;nk>ZP~#H(|bf>c%*m<c8Fh!9AWq%ki!KvLx5B+ltY0wZm6VC3w8;@a#td0pHMNGmzjJ|-YD1%ADWq2"
    "dU1-WC5mpD6vKCUnt0a?(d~#@jm_yfsE&4y*dl~M4mzZraFGaUmV+{BCv6#CnxvLf_L-cBX+p^%ffZT>W}<=$MnjpRS|wSak-FNZp)7Wa<)?Si"
    "P-m<dTDt3+w56H@T(n~9YN2KVh$wxnszn2%qNc`On9)K-!=%*$D6E=MURa@rFz5>Isi7h#9}K0+sa6eKRtv9Z(AN4ctm@jpZnC@zCgQj^l*{j$"
    "HT<eB4lsOc>X<d~scsI}vT83>H83mcme0DV?7P$=H^Xj^4jbi)6~@Qcz$0sVF<j;@98?YI>UUwgiVCK0$@<c(aldNWfUkZ<(wyx_G?t8E%kDyD"
    "gTeYOr*P6lJG@uIA)h;@4HhFu19fCcys^?9??q_UF5lH-g|y*`?ZiZ@tTl~D*W7c=1F|SI+jzyR^_Mz(y5<c(t61*cUw>3&g*C+B<l2Sf#k7j?"
    "JuNp>H%P7Gwq!$%SJp0lm$Bbb`e@#YJ~GZT<=i3%vyrC%?Y2w$F7EZ|hSSXv+=SCUnBK4x*tf_W&N}0Fxvz=Ct!DNJXX{bo@c8XGs6D&!mU9#^"
    "pv(u)IZ#D@4*Zxngw6d7%b^^6>Mq^zo#aCg_B!{K$K5`j=G~A(YUYpmWrdQhT5sbJ;~#p87p430Z(8!h+p+j}81^Z!dXaHn<|g-%9BhvxU-F*S"
    "f>J*7+%IDP(_IeGXA}ZC5P<K)puQ3aK-+l<VFct*W_Wj+&iHR<YsyUEWCH^L#c)h-N>#Z8mOUWC;CUv2fxb?tyUai^IWUmS1lyOH3;L;tT?=6j"
    "m6$5jAghQ$$qWf)Gn<ovaWqlvq74p{zc41Oi_!aG7&DWq)Z7qsG9*nM<0Hq>z{X8uDb^WZvzt1yh>1CzO&xPkzCr5dPpOKJ2FpfB@yTWeG{D~U"
    "qC}c8nglM=(;_Do7s>mvu!+h^)vJ8g#=8I"
)
