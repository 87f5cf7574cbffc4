"""The assortment and customer types of the synthetic shop, in H&M's vocabulary, weighted close to H&M's own counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Index(NamedTuple):
    """Part of the assortment: H&M's index, its group, and its share of the articles in percent."""

    name: str
    group_no: int
    group_name: str
    articles: float


@dataclass(frozen=True)
class Department:
    """A department: its index and section, season, typical price, and product types."""

    name: str
    index: str
    section: str
    garment_group: str
    season: str
    euros: float
    weight: float
    types: tuple[str, ...]


class Persona(NamedTuple):
    """A type of customer: share of all, age in years (mean, spread), and taste by index group, as in INDEX_GROUPS."""

    share: float
    age: float
    spread: float
    groups: tuple[float, ...]


class Colour(NamedTuple):
    """A colour group, its perceived value and master colour, and the percentage of articles that have it."""

    code: int
    name: str
    value: str
    master: str
    weight: float


INDEXES = {
    "A": Index("Ladieswear", 1, "Ladieswear", 24.6),
    "B": Index("Lingeries/Tights", 1, "Ladieswear", 6.4),
    "C": Index("Ladies Accessories", 1, "Ladieswear", 6.6),
    "D": Index("Divided", 2, "Divided", 14.4),
    "F": Index("Menswear", 3, "Menswear", 11.9),
    "G": Index("Baby Sizes 50-98", 4, "Baby/Children", 8.4),
    "H": Index("Children Sizes 92-140", 4, "Baby/Children", 11.4),
    "I": Index("Children Sizes 134-170", 4, "Baby/Children", 8.7),
    "J": Index("Children Accessories, Swimwear", 4, "Baby/Children", 4.4),
    "S": Index("Sport", 26, "Sport", 3.2),
}
INDEX_GROUPS = ("Ladieswear", "Divided", "Menswear", "Baby/Children", "Sport")

PERSONAS = (
    Persona(0.33, 23, 3.2, (0.50, 0.40, 0.03, 0.02, 0.05)),
    Persona(0.30, 52, 6.5, (0.85, 0.06, 0.03, 0.03, 0.03)),
    Persona(0.12, 29, 5.0, (0.72, 0.17, 0.03, 0.04, 0.04)),
    Persona(0.13, 35, 5.5, (0.42, 0.08, 0.03, 0.44, 0.03)),
    Persona(0.08, 33, 11.0, (0.10, 0.05, 0.76, 0.02, 0.07)),
    Persona(0.04, 28, 8.0, (0.40, 0.15, 0.05, 0.02, 0.38)),
)

# Week of the year with the highest demand, and strength: demand is exp(strength * cos(angle of the week in the year)).
SEASONS = {
    "all": (24, 0.10),
    "spring": (15, 0.55),
    "summer": (24, 1.30),
    "school": (33, 0.60),
    "autumn": (41, 0.80),
    "winter": (47, 1.30),
    "party": (49, 0.80),
}

PRODUCT_TYPES = {
    "Trousers": (272, "Garment Lower body"), "Leggings/Tights": (273, "Garment Lower body"),
    "Shorts": (274, "Garment Lower body"), "Skirt": (275, "Garment Lower body"),
    "Dress": (265, "Garment Full body"), "Jumpsuit/Playsuit": (267, "Garment Full body"),
    "Garment Set": (270, "Garment Full body"), "Dungarees": (1, "Garment Full body"),
    "T-shirt": (255, "Garment Upper body"), "Top": (254, "Garment Upper body"),
    "Vest top": (253, "Garment Upper body"), "Blouse": (258, "Garment Upper body"),
    "Shirt": (259, "Garment Upper body"), "Polo shirt": (257, "Garment Upper body"),
    "Bodysuit": (256, "Garment Upper body"), "Sweater": (252, "Garment Upper body"),
    "Hoodie": (308, "Garment Upper body"), "Cardigan": (245, "Garment Upper body"),
    "Blazer": (264, "Garment Upper body"), "Jacket": (262, "Garment Upper body"), "Coat": (263, "Garment Upper body"),
    "Bra": (306, "Underwear"), "Underwear bottom": (286, "Underwear"),
    "Pyjama set": (296, "Nightwear"), "Night gown": (297, "Nightwear"),
    "Underwear Tights": (304, "Socks & Tights"), "Socks": (302, "Socks & Tights"),
    "Bikini top": (298, "Swimwear"), "Swimwear bottom": (59, "Swimwear"), "Swimsuit": (57, "Swimwear"),
    "Bag": (66, "Accessories"), "Belt": (67, "Accessories"), "Cap/peaked": (68, "Accessories"),
    "Hat/beanie": (69, "Accessories"), "Earring": (70, "Accessories"), "Scarf": (72, "Accessories"),
    "Hair/alice band": (74, "Accessories"), "Necklace": (77, "Accessories"), "Sunglasses": (81, "Accessories"),
    "Ballerinas": (85, "Shoes"), "Boots": (87, "Shoes"), "Pumps": (93, "Shoes"), "Sandals": (91, "Shoes"),
    "Sneakers": (94, "Shoes"),
}  # fmt: skip

GARMENT_GROUPS = {
    "Jersey Basic": 1002, "Knitwear": 1003, "Jersey Fancy": 1005, "Woven/Jersey/Knitted mix Baby": 1006,
    "Outdoor": 1007, "Dressed": 1008, "Trousers": 1009, "Blouses": 1010, "Shirts": 1011, "Skirts": 1012,
    "Dresses Ladies": 1013, "Trousers Denim": 1016, "Under-, Nightwear": 1017, "Swimwear": 1018, "Accessories": 1019,
    "Shoes": 1020, "Socks and Tights": 1021, "Shorts": 1025,
}  # fmt: skip

DAILY, PLUS, MAMA = "Womens Everyday Collection", "H&M+", "Mama"
TIGHTS, ACCESSORIES, SHOES = "Womens Nightwear, Socks & Tigh", "Womens Big accessories", "Womens Shoes"
DIVIDED, MEN, MEN_SMALL = "Divided Collection", "Contemporary Casual", "Men Accessories & Underwear"
BABY, GIRL, BOY = "Baby Essentials & Complements", "Kids Girl", "Kids Boy"
YOUNG_GIRL, YOUNG_BOY, KIDS_SMALL = "Young Girl", "Young Boy", "Kids & Baby Shoes, Accessories"
SPORT = "Ladies H&M Sport"

DEPARTMENTS = tuple(
    Department(*row)
    for row in (
        ("Trouser", "A", DAILY, "Trousers", "all", 23, 3.0, ("Trousers", "Leggings/Tights")),
        ("Denim Trousers", "A", "Ladies Denim", "Trousers Denim", "all", 27, 1.8, ("Trousers",)),
        ("Basic 1", "A", "Womens Everyday Basics", "Jersey Basic", "all", 9, 2.2, ("T-shirt", "Top", "Vest top")),
        ("Jersey fancy", "A", DAILY, "Jersey Fancy", "spring", 14, 2.6, ("Top", "T-shirt", "Bodysuit")),
        ("Tops Knitwear", "A", DAILY, "Knitwear", "winter", 23, 2.6, ("Sweater", "Cardigan")),
        ("Blouse", "A", DAILY, "Blouses", "spring", 20, 2.2, ("Blouse", "Shirt")),
        ("Dress", "A", DAILY, "Dresses Ladies", "summer", 27, 2.8, ("Dress", "Jumpsuit/Playsuit")),
        ("Skirt", "A", DAILY, "Skirts", "summer", 19, 1.1, ("Skirt",)),
        ("Shorts", "A", DAILY, "Shorts", "summer", 16, 0.9, ("Shorts",)),
        ("Blazer", "A", "Womens Tailoring", "Dressed", "autumn", 38, 0.9, ("Blazer", "Trousers")),
        ("Outdoor/Blazers", "A", "Womens Jackets", "Outdoor", "winter", 55, 0.8, ("Jacket", "Coat")),
        ("Premium Quality", "A", "Womens Premium", "Dressed", "party", 85, 0.4, ("Dress", "Coat", "Sweater", "Blazer")),
        ("Mama", "A", MAMA, "Jersey Fancy", "all", 20, 0.9, ("Top", "Dress", "Trousers")),
        ("Plus", "A", PLUS, "Jersey Fancy", "all", 21, 1.6, ("Top", "Dress", "Trousers", "Blouse")),
        ("Casual Lingerie", "B", "Womens Lingerie", "Under-, Nightwear", "all", 12, 2.0, ("Bra", "Underwear bottom")),
        ("Expressive Lingerie", "B", "Womens Lingerie", "Under-, Nightwear", "party", 18, 1.0,
         ("Bra", "Underwear bottom")),
        ("Nightwear", "B", TIGHTS, "Under-, Nightwear", "winter", 18, 0.9, ("Pyjama set", "Night gown")),
        ("Tights basic", "B", TIGHTS, "Socks and Tights", "winter", 8, 0.7, ("Underwear Tights", "Socks")),
        ("Swimwear", "B", "Womens Swimwear, beachwear", "Swimwear", "summer", 14, 1.9,
         ("Bikini top", "Swimwear bottom", "Swimsuit")),
        ("Bags", "C", ACCESSORIES, "Accessories", "all", 20, 1.2, ("Bag", "Belt")),
        ("Jewellery", "C", "Womens Small accessories", "Accessories", "all", 7, 1.6, ("Earring", "Necklace")),
        ("Hair Accessories", "C", "Womens Small accessories", "Accessories", "all", 6, 0.7, ("Hair/alice band",)),
        ("Sunglasses", "C", "Womens Small accessories", "Accessories", "summer", 9, 0.6, ("Sunglasses", "Cap/peaked")),
        ("Scarves", "C", ACCESSORIES, "Accessories", "winter", 11, 0.8, ("Scarf", "Hat/beanie")),
        ("Boots", "C", SHOES, "Shoes", "autumn", 40, 0.7, ("Boots", "Pumps")),
        ("Sandals", "C", SHOES, "Shoes", "summer", 24, 0.7, ("Sandals", "Ballerinas")),
        ("Sneakers", "C", SHOES, "Shoes", "spring", 26, 0.6, ("Sneakers",)),
        ("Tops Fancy Jersey", "D", DIVIDED, "Jersey Fancy", "spring", 11, 2.6, ("Top", "T-shirt", "Bodysuit")),
        ("Basics", "D", "Divided Basics", "Jersey Basic", "all", 8, 1.8, ("T-shirt", "Vest top", "Top")),
        ("Trousers DS", "D", DIVIDED, "Trousers", "all", 20, 1.8, ("Trousers", "Leggings/Tights")),
        ("Denim DS", "D", "Divided Denim", "Trousers Denim", "all", 24, 1.2, ("Trousers", "Shorts")),
        ("Dresses DS", "D", DIVIDED, "Dresses Ladies", "summer", 18, 1.8, ("Dress", "Jumpsuit/Playsuit")),
        ("Skirts DS", "D", DIVIDED, "Skirts", "summer", 14, 0.8, ("Skirt", "Shorts")),
        ("Knitwear DS", "D", DIVIDED, "Knitwear", "winter", 18, 1.3, ("Sweater", "Cardigan")),
        ("Jersey Hoodies DS", "D", DIVIDED, "Jersey Fancy", "autumn", 19, 1.1, ("Hoodie", "Sweater")),
        ("Outwear DS", "D", DIVIDED, "Outdoor", "winter", 40, 0.7, ("Jacket", "Coat")),
        ("Swimwear DS", "D", "Divided Complements Other", "Swimwear", "summer", 12, 0.7,
         ("Bikini top", "Swimwear bottom")),
        ("Accessories DS", "D", "Divided Accessories", "Accessories", "all", 8, 0.9, ("Earring", "Bag", "Cap/peaked")),
        ("Men T-shirts", "F", MEN, "Jersey Basic", "all", 10, 2.2, ("T-shirt", "Vest top", "Polo shirt")),
        ("Men Shirts", "F", MEN, "Shirts", "spring", 23, 1.5, ("Shirt",)),
        ("Men Trousers", "F", MEN, "Trousers", "all", 29, 1.5, ("Trousers",)),
        ("Men Denim", "F", "Denim Men", "Trousers Denim", "all", 34, 1.0, ("Trousers",)),
        ("Men Shorts", "F", MEN, "Shorts", "summer", 18, 0.8, ("Shorts",)),
        ("Men Knitwear", "F", MEN, "Knitwear", "winter", 26, 1.1, ("Sweater", "Cardigan")),
        ("Men Hoodies", "F", "Contemporary Street", "Jersey Fancy", "autumn", 24, 1.1, ("Hoodie", "Sweater")),
        ("Men Outdoor", "F", MEN, "Outdoor", "winter", 60, 0.7, ("Jacket", "Coat")),
        ("Men Suits", "F", "Mens Suits & Tailoring", "Dressed", "party", 60, 0.5, ("Blazer", "Trousers")),
        ("Men Underwear", "F", MEN_SMALL, "Under-, Nightwear", "all", 13, 0.9, ("Underwear bottom", "Socks")),
        ("Men Accessories", "F", MEN_SMALL, "Accessories", "winter", 13, 0.6, ("Belt", "Cap/peaked", "Hat/beanie")),
        ("Baby Tops", "G", BABY, "Woven/Jersey/Knitted mix Baby", "all", 9, 1.4, ("T-shirt", "Sweater", "Bodysuit")),
        ("Newborn", "G", BABY, "Woven/Jersey/Knitted mix Baby", "all", 13, 1.2,
         ("Bodysuit", "Pyjama set", "Garment Set")),
        ("Baby Trousers", "G", BABY, "Woven/Jersey/Knitted mix Baby", "all", 10, 0.9, ("Trousers", "Leggings/Tights")),
        ("Baby Outdoor", "G", BABY, "Outdoor", "winter", 27, 0.4, ("Jacket", "Hat/beanie")),
        ("Kids Girl Jersey", "H", GIRL, "Jersey Fancy", "spring", 9, 1.5, ("T-shirt", "Top", "Leggings/Tights")),
        ("Kids Girl Dresses", "H", GIRL, "Dresses Ladies", "summer", 14, 1.0, ("Dress", "Skirt")),
        ("Kids Boy Jersey", "H", BOY, "Jersey Fancy", "all", 10, 1.5, ("T-shirt", "Hoodie")),
        ("Kids Boy Trousers", "H", BOY, "Trousers", "school", 13, 0.9, ("Trousers", "Shorts")),
        ("Kids Outdoor", "H", "Kids Outerwear", "Outdoor", "winter", 30, 0.5, ("Jacket", "Coat")),
        ("Young Girl Jersey", "I", YOUNG_GIRL, "Jersey Fancy", "school", 10, 1.4, ("T-shirt", "Top", "Hoodie")),
        ("Young Girl Trouser", "I", YOUNG_GIRL, "Trousers Denim", "school", 17, 0.9,
         ("Trousers", "Shorts", "Dungarees")),
        ("Young Boy Jersey", "I", YOUNG_BOY, "Jersey Fancy", "school", 11, 1.2, ("T-shirt", "Hoodie")),
        ("Kids Underwear", "J", KIDS_SMALL, "Under-, Nightwear", "winter", 10, 1.0,
         ("Underwear bottom", "Socks", "Pyjama set")),
        ("Kids Swimwear", "J", KIDS_SMALL, "Swimwear", "summer", 11, 0.7, ("Swimsuit", "Swimwear bottom")),
        ("Kids Shoes", "J", KIDS_SMALL, "Shoes", "school", 17, 0.6, ("Sneakers", "Boots", "Sandals")),
        ("Ladies Sport Bras", "S", SPORT, "Jersey Fancy", "all", 16, 1.0, ("Bra", "Vest top", "Top")),
        ("Ladies Sport Bottoms", "S", SPORT, "Trousers", "all", 20, 1.2, ("Leggings/Tights", "Shorts")),
        ("Men Sport", "S", "Men H&M Sport", "Jersey Fancy", "all", 20, 0.6, ("T-shirt", "Shorts", "Hoodie")),
        ("Sport Outdoor", "S", SPORT, "Outdoor", "winter", 40, 0.3, ("Jacket", "Hoodie")),
    )
)  # fmt: skip

COLOURS = (
    Colour(9, "Black", "Dark", "Black", 21.5), Colour(73, "Dark Blue", "Dark", "Blue", 11.5),
    Colour(10, "White", "Light", "White", 9.2), Colour(51, "Light Pink", "Dusty Light", "Pink", 5.5),
    Colour(7, "Grey", "Medium Dusty", "Grey", 4.2), Colour(12, "Light Beige", "Dusty Light", "Beige", 3.5),
    Colour(72, "Blue", "Medium", "Blue", 3.1), Colour(42, "Red", "Bright", "Red", 2.9),
    Colour(71, "Light Blue", "Dusty Light", "Blue", 2.9),
    Colour(19, "Greenish Khaki", "Medium Dusty", "Khaki green", 2.7),
    Colour(8, "Dark Grey", "Dark", "Grey", 2.6), Colour(11, "Off White", "Light", "White", 2.6),
    Colour(13, "Beige", "Medium Dusty", "Beige", 2.6), Colour(6, "Light Grey", "Dusty Light", "Grey", 2.0),
    Colour(43, "Dark Red", "Dark", "Red", 2.1), Colour(93, "Dark Green", "Dark", "Green", 2.0),
    Colour(52, "Pink", "Medium", "Pink", 1.9), Colour(22, "Yellow", "Bright", "Yellow", 1.7),
    Colour(5, "Gold", "Bright", "Metal", 1.3), Colour(32, "Orange", "Bright", "Orange", 1.2),
    Colour(53, "Dark Pink", "Medium", "Pink", 1.1), Colour(17, "Yellowish Brown", "Medium Dusty", "Brown", 1.0),
    Colour(92, "Green", "Medium", "Green", 0.9), Colour(14, "Dark Beige", "Medium Dusty", "Mole", 0.9),
    Colour(91, "Light Green", "Dusty Light", "Green", 0.8),
    Colour(61, "Light Purple", "Dusty Light", "Lilac Purple", 0.7),
    Colour(81, "Turquoise", "Bright", "Turquoise", 0.5),
)  # fmt: skip
COLOUR_VALUES = {"Dusty Light": 1, "Medium Dusty": 2, "Light": 3, "Dark": 4, "Bright": 5, "Medium": 7}
COLOUR_MASTERS = {
    "Mole": 1, "Blue": 2, "Orange": 3, "Pink": 4, "Black": 5, "Turquoise": 6, "Lilac Purple": 7, "Yellow": 8,
    "White": 9, "Beige": 11, "Grey": 12, "Brown": 13, "Metal": 15, "Red": 18, "Green": 19, "Khaki green": 20,
}  # fmt: skip

APPEARANCES = {
    "Solid": (1010016, 50.0), "All over pattern": (1010001, 17.0), "Melange": (1010010, 5.9), "Stripe": (1010017, 5.0),
    "Denim": (1010023, 4.9), "Front print": (1010008, 4.5), "Placement print": (1010014, 4.3), "Check": (1010004, 2.2),
    "Lace": (1010021, 1.5), "Colour blocking": (1010005, 1.5), "Dot": (1010006, 1.2), "Application/3D": (1010002, 1.2),
    "Jacquard": (1010009, 0.8),
}  # fmt: skip

NAMES = (
    "Ada", "Alma", "Amber", "Anna", "Arizona", "Astrid", "Avenue", "Bay", "Bella", "Berlin", "Betty", "Bianca",
    "Bloom", "Bonnie", "Breeze", "Camden", "Carla", "Cat", "Charlie", "Chelsea", "Cilla", "Clara", "Coral",
    "Daisy", "Dakota", "Dana", "Delta", "Diana", "Dolly", "Echo", "Eden", "Edith", "Ella", "Elsa", "Ember",
    "Emma", "Fern", "Fiona", "Flora", "Florence", "Freja", "Frida", "Gemma", "Georgia", "Gigi", "Ginger",
    "Gloria", "Grace", "Greta", "Hanna", "Harper", "Hazel", "Heidi", "Helena", "Holly", "Ida", "Iris", "Isla",
    "Ivy", "Jade", "Jasmine", "Joan", "Jolie", "Josie", "Juno", "Kai", "Karin", "Kim", "Lana", "Laura", "Leia",
    "Lena", "Lila", "Linnea", "Liv", "Lotta", "Luna", "Lydia", "Malin", "Maple", "Maya", "Melody", "Mia",
    "Milly", "Mira", "Molly", "Nadia", "Nala", "Nina", "Nora", "Oak", "Olivia", "Opal", "Paloma", "Pearl",
    "Penny", "Piper", "Polly", "Poppy", "Quinn", "Raven", "Rhea", "Robin", "Rosa", "Rubin", "Ruby", "Sadie",
    "Saga", "Selma", "Siri", "Skye", "Sofia", "Stella", "Sunny", "Tara", "Thea", "Tilda", "Tove", "Tyra", "Uma",
    "Vera", "Victor", "Viola", "Willow", "Winona", "Wren", "Yara", "Zadie", "Zoe",
)  # fmt: skip
FITS = (
    "", "Slim", "HW", "Skinny", "Oversized", "Basic", "Fancy", "Regular", "Cropped", "Long", "Wide", "Relaxed",
    "TVP", "2-pack",
)  # fmt: skip
FABRICS = (
    "soft jersey", "cotton jersey", "a fine knit", "a soft rib knit", "airy cotton", "a viscose weave",
    "washed stretch denim", "sweatshirt fabric", "woven fabric", "crêpe", "jersey made from organic cotton",
    "a soft cotton and linen blend", "imitation suede", "recycled polyester", "lace", "soft microfibre",
)  # fmt: skip
DETAILS = (
    "a round neckline", "a V-neck", "long sleeves", "short sleeves", "narrow shoulder straps",
    "a concealed zip at the back", "buttons down the front", "a chest pocket", "side pockets",
    "an elasticated waist", "a drawstring at the waist", "a zip fly", "a tie belt",
    "ribbing at the cuffs and hem", "dropped shoulders", "slits in the sides", "a rounded hem",
    "a small stand-up collar", "decorative stitching", "a smocked back", "flounces", "adjustable straps",
    "a detachable hood", "a frill trim",
)  # fmt: skip
SLOGANS = (
    "Made for Sunday", "Ciao", "Run, don't walk", "Hello, Sunshine", "1994", "Les Jours Heureux", "No. 5", "On & On",
)  # fmt: skip
