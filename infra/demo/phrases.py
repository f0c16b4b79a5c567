"""Banks of comments as Vietnamese teachers write them, by subject and level; nothing here names a person."""

import random
from collections.abc import Mapping, Sequence
from typing import Final

#: Primary: subject → level T / H / C → openings.
PRIMARY_SUBJECTS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "TV": {
        "T": (
            "Đọc to, rõ ràng, diễn cảm; viết đúng chính tả, chữ đẹp",
            "Đọc hiểu tốt, biết dùng từ ngữ sinh động khi đặt câu",
            "Kể chuyện tự tin, viết đoạn văn mạch lạc, có cảm xúc",
        ),
        "H": (
            "Đọc đúng, tốc độ đạt yêu cầu; chữ viết khá đều nét",
            "Nắm được nội dung bài đọc, bài viết còn vài lỗi chính tả",
            "Biết trả lời câu hỏi theo bài, vốn từ còn hạn chế",
        ),
        "C": ("Đọc còn chậm, ngắt nghỉ chưa đúng chỗ", "Viết còn nhiều lỗi chính tả, câu chưa đủ ý"),
    },
    "TOAN": {
        "T": (
            "Tính nhanh, chính xác; giải toán có lời văn thành thạo",
            "Nắm chắc kiến thức, vận dụng linh hoạt vào bài toán thực tế",
            "Tư duy tốt, trình bày bài giải rõ ràng, khoa học",
        ),
        "H": (
            "Thực hiện được các phép tính cơ bản, đôi khi còn nhầm lẫn",
            "Biết giải toán có lời văn, cần đọc kĩ đề hơn",
            "Nắm được kiến thức cơ bản, tính toán còn chậm",
        ),
        "C": (
            "Chưa thuộc bảng tính, còn sai ở các phép tính cơ bản",
            "Chưa biết cách giải bài toán có lời văn",
        ),
    },
    "NN1": {
        "T": ("Phát âm chuẩn, giao tiếp tự tin bằng các mẫu câu đã học", "Nghe hiểu tốt, vốn từ phong phú"),
        "H": (
            "Nhớ được từ vựng và mẫu câu cơ bản, phản xạ còn chậm",
            "Nghe được các câu ngắn, phát âm khá rõ",
        ),
        "C": ("Chưa nhớ từ vựng đã học, còn rụt rè khi nói",),
    },
    "DD": {
        "T": (
            "Ngoan, lễ phép, thực hiện tốt các hành vi đạo đức đã học",
            "Biết quan tâm, chia sẻ với mọi người",
        ),
        "H": ("Biết chào hỏi lễ phép, thực hiện được nội quy lớp học", "Hiểu bài, cần mạnh dạn nêu ý kiến"),
        "C": ("Chưa thực hiện thường xuyên các chuẩn mực đã học",),
    },
    "TNXH": {
        "T": (
            "Quan sát tốt, hiểu biết về gia đình, trường học và thiên nhiên",
            "Nêu được nhiều ví dụ từ cuộc sống",
        ),
        "H": (
            "Nắm được nội dung bài, biết liên hệ thực tế đơn giản",
            "Nhận biết được sự vật, mô tả còn ngắn",
        ),
        "C": ("Chưa nêu được đặc điểm của các sự vật đã học",),
    },
    "LSDL": {
        "T": (
            "Nắm chắc các sự kiện, đọc bản đồ và lược đồ thành thạo",
            "Ham tìm hiểu lịch sử, địa lí địa phương",
        ),
        "H": (
            "Nhớ được các sự kiện chính, đọc lược đồ còn lúng túng",
            "Trình bày được nội dung cơ bản của bài",
        ),
        "C": ("Chưa nhớ các sự kiện và địa danh cơ bản",),
    },
    "KH": {
        "T": (
            "Ham tìm tòi, làm thí nghiệm cẩn thận, giải thích rõ ràng",
            "Vận dụng tốt kiến thức vào đời sống",
        ),
        "H": ("Hiểu bài, biết quan sát và nêu nhận xét đơn giản", "Nắm được kiến thức về chất và năng lượng"),
        "C": ("Chưa nêu được kết luận sau khi quan sát, thí nghiệm",),
    },
    "TH": {
        "T": (
            "Thao tác máy tính thành thạo, sáng tạo khi làm bài thực hành",
            "Nắm chắc cách tìm và lưu thông tin",
        ),
        "H": (
            "Sử dụng được chuột và bàn phím, thao tác còn chậm",
            "Hoàn thành bài thực hành khi được hướng dẫn",
        ),
        "C": ("Chưa thực hiện được các thao tác cơ bản trên máy tính",),
    },
    "CN": {
        "T": (
            "Khéo léo, làm sản phẩm đẹp, sử dụng dụng cụ an toàn",
            "Hiểu công dụng của các sản phẩm công nghệ",
        ),
        "H": ("Làm được sản phẩm theo mẫu, cần cẩn thận hơn", "Biết cách dùng các đồ dùng quen thuộc"),
        "C": ("Chưa hoàn thành được sản phẩm theo yêu cầu",),
    },
    "GDTC": {
        "T": ("Nhanh nhẹn, thực hiện động tác đúng và đẹp", "Tích cực luyện tập, thể lực tốt"),
        "H": ("Thực hiện được các động tác cơ bản", "Tham gia trò chơi vận động vui vẻ, động tác chưa đều"),
        "C": ("Động tác chưa đúng nhịp, ít tham gia luyện tập",),
    },
    "AN": {
        "T": ("Hát đúng giai điệu, biểu diễn tự nhiên", "Cảm thụ âm nhạc tốt, gõ đệm đúng tiết tấu"),
        "H": ("Thuộc lời bài hát, cần giữ đúng nhịp", "Biết hát kết hợp vỗ tay theo nhịp"),
        "C": ("Chưa thuộc lời các bài hát đã học",),
    },
    "MT": {
        "T": ("Phối màu hài hòa, bài vẽ sinh động, sáng tạo", "Bố cục cân đối, nét vẽ tự tin"),
        "H": ("Hoàn thành bài vẽ, màu sắc còn đơn giản", "Biết vẽ theo chủ đề, cần thêm chi tiết"),
        "C": ("Chưa hoàn thành các bài thực hành",),
    },
    "HDTN": {
        "T": ("Tích cực, chủ động trong mọi hoạt động của lớp", "Biết hợp tác, đề xuất nhiều ý tưởng hay"),
        "H": ("Tham gia đầy đủ các hoạt động, còn rụt rè", "Hoàn thành nhiệm vụ được nhóm giao"),
        "C": ("Ít tham gia hoạt động chung của lớp",),
    },
}
_PRIMARY_TAILS: Final[Mapping[str, Sequence[str]]] = {
    "T": ("đáng khen", "cần phát huy", "luôn hoàn thành bài sớm", "biết giúp đỡ bạn cùng học", "rất cố gắng"),
    "H": ("cần luyện tập thêm", "có tiến bộ trong học kì II", "cần tự tin phát biểu hơn", "đã cố gắng nhiều"),
    "C": ("cần được kèm thêm mỗi ngày", "cần gia đình phối hợp giúp đỡ", "cần ôn lại kiến thức cơ bản"),
}
QUALITIES: Final[Mapping[str, Sequence[str]]] = {
    "T": (
        "Chăm học, thật thà, biết yêu quý và giúp đỡ bạn bè.",
        "Lễ phép, trung thực, có trách nhiệm với công việc của lớp.",
        "Yêu trường lớp, chăm chỉ, biết giữ lời hứa.",
    ),
    "Đ": (
        "Ngoan, biết vâng lời; cần chăm chỉ hơn trong học tập.",
        "Biết chia sẻ với bạn; cần tự giác làm bài đầy đủ.",
    ),
    "C": ("Cần cố gắng đi học chuyên cần và hoàn thành nhiệm vụ được giao.",),
}
GENERAL_COMPETENCES: Final[Mapping[str, Sequence[str]]] = {
    "T": (
        "Tự học tốt, giao tiếp tự tin, biết hợp tác giải quyết vấn đề.",
        "Chủ động trong học tập, trình bày ý kiến rõ ràng, sáng tạo.",
    ),
    "Đ": (
        "Biết tự phục vụ, biết hợp tác trong nhóm; cần mạnh dạn hơn.",
        "Biết lắng nghe và làm theo hướng dẫn; cần tự tin khi giao tiếp.",
    ),
    "C": ("Cần cố gắng tự hoàn thành bài và mạnh dạn hỏi khi chưa hiểu.",),
}
SPECIFIC_COMPETENCES: Final[Mapping[str, Sequence[str]]] = {
    "T": (
        "Ngôn ngữ phát triển tốt, tính toán nhanh, yêu thích tìm hiểu khoa học.",
        "Có năng khiếu thẩm mĩ, vận động nhanh nhẹn, tính toán chính xác.",
    ),
    "Đ": (
        "Vốn từ khá, tính toán đạt yêu cầu; tích cực vận động.",
        "Biết diễn đạt ý của mình; cần rèn thêm kĩ năng tính toán.",
    ),
    "C": ("Cần rèn thêm về ngôn ngữ và tính toán.",),
}
PRIMARY_HOMEROOM: Final[Mapping[str, Sequence[str]]] = {
    "HTXS": (
        "Học tập và rèn luyện xuất sắc, là tấm gương tốt trong lớp.",
        "Nổi bật ở mọi môn học, tích cực, sáng tạo, được bạn bè quý mến.",
    ),
    "HTT": (
        "Học tốt các môn, chăm ngoan, có trách nhiệm với tập thể.",
        "Có nhiều cố gắng, tiếp thu bài nhanh, biết giúp đỡ bạn.",
    ),
    "HT": (
        "Chăm ngoan, hoàn thành các môn học; cần tự tin phát biểu hơn.",
        "Có tiến bộ so với học kì I; cần luyện thêm kĩ năng đọc và tính toán.",
    ),
    "CHT": ("Ngoan nhưng tiếp thu bài còn chậm; nhà trường và gia đình cần phối hợp kèm thêm trong hè.",),
}
#: Secondary: what each subject is about, to fill the templates below.
TOPICS: Final[Mapping[str, Sequence[str]]] = {
    "VAN": ("đọc hiểu văn bản", "viết bài nghị luận", "tiếng Việt thực hành"),
    "TOAN": ("đại số", "hình học", "thống kê và xác suất"),
    "NN1": ("ngữ pháp", "kĩ năng nghe và nói", "từ vựng theo chủ đề"),
    "KHTN": ("phần vật lí", "phần hóa học", "phần sinh học"),
    "LSDL": ("các sự kiện lịch sử", "kĩ năng bản đồ", "địa lí vùng miền"),
    "GDCD": ("các chuẩn mực đạo đức", "kiến thức pháp luật"),
    "TIN": ("lập trình", "xử lí dữ liệu", "sử dụng phần mềm"),
    "CN": ("vẽ kĩ thuật", "thiết kế và chế tạo", "tính chất của vật liệu"),
    "LICHSU": ("lịch sử Việt Nam", "lịch sử thế giới"),
    "QPAN": ("kiến thức quốc phòng", "điều lệnh đội ngũ"),
    "DIA": ("địa lí tự nhiên", "địa lí kinh tế", "kĩ năng bản đồ"),
    "KTPL": ("kiến thức kinh tế", "kiến thức pháp luật"),
    "LY": ("cơ học", "điện học", "thí nghiệm thực hành"),
    "HOA": ("phản ứng hóa học", "bài toán hóa học", "thí nghiệm thực hành"),
    "SINH": ("sinh học tế bào", "di truyền học", "sinh thái học"),
    "GDTC": ("các bài tập thể lực", "môn thể thao tự chọn"),
    "NT": ("nội dung âm nhạc", "nội dung mĩ thuật"),
    "AN": ("hát và nhạc cụ", "thường thức âm nhạc"),
    "MT": ("hội họa", "thiết kế mĩ thuật"),
    "HDTNHN": ("hoạt động tập thể", "tìm hiểu nghề nghiệp"),
    "GDDP": ("lịch sử địa phương", "văn hóa địa phương"),
}
_SECONDARY: Final[Mapping[str, Sequence[str]]] = {
    "strong": (
        "Nắm vững {topic}, tư duy tốt; cần tiếp tục phát huy.",
        "Tiếp thu nhanh, nổi bật ở {topic}; chủ động trong học tập.",
        "Vận dụng linh hoạt kiến thức về {topic}, trình bày khoa học.",
    ),
    "good": (
        "Hiểu bài, khá ở {topic}; cần cẩn thận hơn khi làm bài.",
        "Có tiến bộ rõ ở {topic}; nên luyện thêm bài tập nâng cao.",
    ),
    "fair": (
        "Nắm được kiến thức cơ bản về {topic}; cần chăm chỉ hơn.",
        "Đạt yêu cầu, còn hạn chế ở {topic}; cần tích cực phát biểu.",
    ),
    "weak": (
        "Còn yếu ở {topic}; cần ôn lại kiến thức cơ bản và làm đủ bài tập.",
        "Chưa tập trung, mất gốc ở {topic}; cần được phụ đạo thêm.",
    ),
    "Đ": (
        "Tham gia tích cực {topic}, hoàn thành tốt yêu cầu.",
        "Đạt yêu cầu ở {topic}, có ý thức rèn luyện.",
    ),
    "CĐ": ("Chưa hoàn thành yêu cầu về {topic}; cần tham gia đầy đủ hơn.",),
}
SECONDARY_HOMEROOM: Final[Mapping[str, Sequence[str]]] = {
    "strong": (
        "Chăm ngoan, học tốt các môn, tích cực trong phong trào của lớp.",
        "Có ý thức vươn lên, gương mẫu, được thầy cô và bạn bè tin yêu.",
    ),
    "good": (
        "Ngoan, có ý thức học tập, hòa đồng với bạn bè; cần cố gắng ở các môn tự nhiên.",
        "Chấp hành tốt nội quy, học khá đều các môn.",
    ),
    "fair": (
        "Có cố gắng, kết quả chưa đều; cần tập trung hơn trong giờ học.",
        "Thực hiện nội quy khá tốt; cần sắp xếp thời gian tự học hợp lí.",
    ),
    "weak": ("Học lực còn yếu, cần chuyên cần hơn; gia đình cần phối hợp nhắc nhở thường xuyên.",),
}


Bank = Mapping[str, Sequence[str]]


def primary_comment(rng: random.Random, subject: str, level: str) -> str:
    """A subject teacher's comment for a level T, H or C."""
    return f"{rng.choice(PRIMARY_SUBJECTS[subject][level])}; {rng.choice(_PRIMARY_TAILS[level])}."


def secondary_comment(rng: random.Random, subject: str, band: str) -> str:
    """A subject teacher's comment; `band` is strong, good, fair, weak, or Đ / CĐ."""
    return rng.choice(_SECONDARY[band]).format(topic=rng.choice(TOPICS[subject]))
