/** Own texts in several languages and scripts, written for this corpus. */
export const prose: Record<string, string> = {
  english: `The night train leaves at ten past eleven, and nobody on the platform seems to be in a hurry. A woman in a
green coat counts her coins twice, buys a paper cup of tea, and asks the guard whether the dining car is open. "Until
midnight," he says, "unless the cook falls asleep again." Behind them a boy explains compound interest to his
grandfather: if you put a hundred dollars aside every month, he claims, you'd have more than you'd expect in thirty
years. The old man isn't convinced. He has seen three currencies come and go, two banks close on a Friday, and one
government promise that savings were safe. Still, he nods. Budgets, he thinks, are like fences: they don't stop a
determined goat, but they tell you where the field ends. Refunds take up to 14 business days; please quote order
number A-20381 when you write to support@example.org, and don't forget to attach the receipt (PDF, max. 5 MB).`,
  german: `Der Haushaltsausschuss hat gestern beschlossen, die Ausgaben für künstliche Intelligenz künftig vierteljährlich
zu prüfen. Jede Abteilung bekommt ein eigenes Monatsbudget, das nicht überschritten werden darf; wer mehr braucht, muss
rechtzeitig einen begründeten Antrag stellen. Besonders die Überziehungszinsen hatten im vergangenen Jahr für Ärger
gesorgt. „Wir müssen endlich wissen, was ein einzelnes Gespräch kostet“, sagte die Geschäftsführerin. Straßenbahn,
Fußgängerübergang, Donaudampfschifffahrtsgesellschaftskapitän: auch solche Wörter müssen richtig gezählt werden.`,
  french: `L'été dernier, nous avons loué une petite maison près de la rivière, où l'eau était si claire qu'on pouvait
compter les galets. Le propriétaire, un menuisier à la retraite, nous répétait chaque matin qu'il ne fallait jamais
dépenser plus que ce que l'on a reçu la veille. C'était sa règle d'or, et il s'y tenait depuis cinquante ans.`,
  spanish: `Mañana por la mañana el equipo revisará los gastos del trimestre. ¿Quién aprobó la compra de los servidores?
Según el informe, el presupuesto se agotó en apenas doce días, aunque la aplicación respondía con rapidez y los
usuarios no notaron ningún cambio. ¡Qué sorpresa! Habrá que añadir límites más estrictos por cliente.`,
  turkish: `Bütçenin aşılmaması için her çağrıdan önce en kötü durum hesaplanır ve ayrılan tutar çağrı bittikten sonra
gerçek maliyetle değiştirilir. Böylece hiçbir müşteri, kendisine tanınan günlük sınırın üzerine çıkamaz.`,
  finnish: `Jokaisen kutsun pahin mahdollinen hinta varataan etukäteen, ja lopullinen kustannus kirjataan vasta, kun
vastaus on saapunut. Näin budjettia ei voi ylittää edes silloin, kun useat palvelimet käyttävät samaa laskuria.`,
  vietnamese: `Trước mỗi lần gọi, hệ thống giữ lại khoản chi phí lớn nhất có thể xảy ra; sau khi có kết quả, số tiền thật
được ghi nhận. Nhờ vậy ngân sách không bao giờ bị vượt quá, kể cả khi nhiều máy chủ cùng hoạt động.`,
  russian: `Каждое утро бухгалтер открывает один и тот же отчёт и сравнивает прогноз с действительностью. Расходы на
языковые модели растут быстрее, чем выручка, поэтому руководство решило ввести жёсткие ограничения. Прежде чем отправить
запрос, программа резервирует наибольшую возможную сумму, а после ответа возвращает остаток. Если денег не хватает,
пользователь увидит понятное сообщение: «Лимит исчерпан, попробуйте завтра».`,
  ukrainian: `Щоразу перед зверненням до моделі система відкладає найбільшу можливу суму, а потім повертає невикористаний
залишок. Їжак біжить лісом, ґава сидить на гілці, а бюджет залишається цілим.`,
  greek: `Πριν από κάθε κλήση δεσμεύεται το μέγιστο δυνατό ποσό και μετά την απάντηση καταγράφεται το πραγματικό κόστος.
Έτσι ο προϋπολογισμός δεν ξεπερνιέται ποτέ, ακόμη κι όταν πολλοί διακομιστές μοιράζονται τον ίδιο μετρητή.`,
  chinese: `每次调用模型之前，系统都会先冻结可能产生的最高费用；调用结束以后，再按照实际用量结算，把多余的金额退回。这样，无论有多少个
进程同时运行，预算都不会被突破。财务部门每个月可以看到每个团队、每个客户、每个功能花了多少钱。如果余额不足，用户会收到清楚的提示：“今天的
额度已经用完，请明天再试。”春天来了，院子里的樱花开得很好，爷爷一边喝茶一边看报纸，孩子们在树下数蚂蚁。`,
  chineseTraditional: `每次呼叫模型之前，系統會先保留可能產生的最高費用；結束之後，再依照實際用量結算，並退回多餘的金額。無論有多少個程序
同時執行，預算都不會被超過。`,
  japanese: `モデルを呼び出す前に、発生しうる最大の費用を確保します。応答が返ってきたら、実際の使用量で精算し、余った分を戻します。これにより、
複数のサーバーが同時に動いていても、予算を超えることはありません。残高が足りないときは「本日の上限に達しました。明日もう一度お試しください」と
表示されます。ラーメンとコーヒーを注文しました。`,
  korean: `모델을 호출하기 전에 발생할 수 있는 최대 비용을 먼저 잡아 두고, 응답이 끝나면 실제 사용량으로 정산하여 남은 금액을 돌려줍니다. 그래서
여러 서버가 동시에 움직여도 예산을 넘지 않습니다. 잔액이 부족하면 "오늘 한도를 모두 사용했습니다. 내일 다시 시도해 주세요."라고 알려 줍니다.`,
  arabic: `قبل كل استدعاء للنموذج يحجز النظام أكبر تكلفة ممكنة، وبعد وصول الرد تُسجَّل التكلفة الحقيقية ويُعاد الباقي. وهكذا
لا يتجاوز الإنفاق الحد المسموح به حتى لو عملت خوادم كثيرة في الوقت نفسه. هل وصلت رسالتك اليوم؟`,
  hebrew: `לפני כל קריאה למודל המערכת שומרת את העלות הגבוהה ביותר האפשרית, ואחרי התשובה נרשמת העלות האמיתית והיתרה מוחזרת.`,
  hindi: `हर बार मॉडल को बुलाने से पहले सबसे अधिक संभावित खर्च रोक लिया जाता है, और उत्तर आने के बाद असली खर्च लिखा जाता है तथा बची हुई
राशि लौटा दी जाती है। इस तरह बजट कभी पार नहीं होता, चाहे कितने ही सर्वर एक साथ काम कर रहे हों।`,
  thai: `ก่อนเรียกใช้โมเดลแต่ละครั้ง ระบบจะกันเงินตามค่าใช้จ่ายสูงสุดที่อาจเกิดขึ้น และเมื่อได้คำตอบแล้วจึงบันทึกค่าใช้จ่ายจริงพร้อมคืนส่วนที่เหลือ
งบประมาณจึงไม่มีวันเกิน แม้จะมีเซิร์ฟเวอร์หลายเครื่องทำงานพร้อมกัน`,
  georgian: `ყოველი გამოძახების წინ სისტემა ინახავს უდიდეს შესაძლო თანხას, ხოლო პასუხის შემდეგ ნამდვილი ხარჯი იწერება.`,
  tamil: `ஒவ்வொரு அழைப்புக்கும் முன்பு அதிகபட்ச செலவு ஒதுக்கப்படுகிறது; பதில் வந்த பிறகு உண்மையான செலவு பதிவு செய்யப்படுகிறது.`,
  amharic: `ከእያንዳንዱ ጥሪ በፊት ከፍተኛው ወጪ ይያዛል፤ ከመልሱ በኋላ እውነተኛው ወጪ ይመዘገባል።`,
};
